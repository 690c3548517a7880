/// `($1, $2), ($3, $4)`: the places of the values of so many rows, behind `before` others.
///
/// Some hundred make a statement cheap; the time that the driver takes for SQLite grows with the square of their number.
pub(crate) fn values(rows: usize, columns: usize, before: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=columns).map(|column| format!("${}", before + row * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place_of_its_own() {
        assert_eq!(values(2, 2, 0), "($1, $2), ($3, $4)");
        assert_eq!(values(1, 3, 2), "($3, $4, $5)");
    }
}
