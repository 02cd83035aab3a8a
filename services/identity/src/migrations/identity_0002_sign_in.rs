//! Sessions and API keys, second factors, one-time passwords, providers of single sign-on.

use tally_store::class::Credential;
use tally_store::migration::*;

pub(super) fn up(schema: &mut Schema) {
    schema.existing("principals").add_column(instant_null("one_time_until"));
    schema
        .table("sessions")
        .columns(&[
            uuid("principal_id"),
            text("method"),
            text("client"),
            flag("second_factor"),
            text_null("permissions"),
            instant("created_at"),
            instant("used_at"),
            instant("expires_at"),
            instant_null("ended_at"),
            text_null("end_reason"),
            bytes_null("family"),
            bytes("secret"),
        ])
        .index(&["principal_id", "ended_at"]);
    schema
        .table("second_factors")
        .columns(&[bytes("secret"), instant_null("confirmed_at"), big("last_step"), text("recovery")])
        .sealed::<Credential>("secret");
    schema
        .table("sso_providers")
        .columns(&[
            region(),
            text("name"),
            text("issuer"),
            text("client_id"),
            bytes("client_secret"),
            text("claim"),
            text("redirect_uri"),
        ])
        .sealed::<Credential>("client_secret");
    schema.table("sso_states").columns(&[instant("expires_at")]);
}
