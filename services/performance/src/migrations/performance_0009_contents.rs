//! What the records of an account said when a run credited them: whoever reads them again sees whether they still say it.

use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("account_results").add_column(bytes_null("contents"));
}
