//! Statements: several as one, and how many rows one takes.

use sea_orm::Value;

/// One statement of [`ScopedTx::run_together`]; its placeholders count from `$1`.
pub(crate) struct Part {
    pub sql: String,
    pub values: Vec<Value>,
}

/// One statement that does what all do: the last, with the others before it.
pub(crate) fn joined(parts: Vec<Part>) -> Part {
    let (mut sql, mut values, last) = (String::from("WITH "), Vec::new(), parts.len() - 1);
    for (n, part) in parts.into_iter().enumerate() {
        let statement = renumbered(&part.sql, values.len());
        sql.push_str(&match n {
            n if n == last => format!(" {statement}"),
            0 => format!("s0 AS ({statement})"),
            n => format!(", s{n} AS ({statement})"),
        });
        values.extend(part.values);
    }
    Part { sql, values }
}

/// The same statement with its placeholders counted from `after + 1`. A `$` stands nowhere else in our SQL.
fn renumbered(sql: &str, after: usize) -> String {
    let mut pieces = sql.split('$');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
        let number: usize = piece[..digits].parse().unwrap_or(0);
        out.push_str(&format!("${}{}", number + after, &piece[digits..]));
    }
    out
}

/// How many rows fit into one statement: bound values are limited (32,766 on SQLite, 65,535 on PostgreSQL), and beyond
/// a thousand rows nothing is gained.
pub(crate) fn most_rows(columns: usize) -> usize {
    (30_000 / columns.max(1)).clamp(1, 1000)
}

/// How many of `left` rows the next statement takes. Few sizes, so that few statements are prepared: one of a thousand
/// rows keeps megabytes of every PostgreSQL connection.
pub(crate) fn rows_of_next_statement(left: usize, most: usize) -> usize {
    [most, 250, 60, 15, 4].into_iter().find(|size| *size <= left.min(most)).unwrap_or(1)
}

/// `($1,$2),($3,$4)`: placeholders of so many rows.
pub(crate) fn tuples(rows: usize, width: usize) -> String {
    let row = |r: usize| {
        let cells: Vec<String> = (1..=width).map(|c| format!("${}", r * width + c)).collect();
        format!("({})", cells.join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_joined_in_their_order() {
        let part = |sql: &str, value: i32| Part { sql: sql.to_owned(), values: vec![value.into()] };
        let one = joined(vec![part("INSERT 1 $1", 1), part("INSERT 2 $1", 2), part("UPDATE $1", 3)]);
        assert_eq!(one.sql, "WITH s0 AS (INSERT 1 $1), s1 AS (INSERT 2 $2) UPDATE $3");
        assert_eq!(one.values, vec![1.into(), 2.into(), 3.into()]);
    }

    #[test]
    fn placeholders_are_counted_on() {
        assert_eq!(renumbered("a = $1 AND b = $12, ($2)", 7), "a = $8 AND b = $19, ($9)");
        assert_eq!(renumbered("SELECT 1", 7), "SELECT 1");
    }

    #[test]
    fn any_number_of_rows_takes_few_statements_of_few_sizes() {
        let mut sizes = std::collections::BTreeSet::new();
        for (rows, most) in (0..3000).map(|rows| (rows, 1000)).chain((0..500).map(|rows| (rows, 100))) {
            let (mut left, mut statements) = (rows, 0);
            while left > 0 {
                let size = rows_of_next_statement(left, most);
                assert!(size <= most && size <= left);
                sizes.insert(size);
                (left, statements) = (left - size, statements + 1);
            }
            assert!(statements <= rows / most + 16, "{statements} statements for {rows} rows");
        }
        assert!(sizes.len() <= 7, "{sizes:?}");
    }
}
