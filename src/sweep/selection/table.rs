use super::entries::{ListError, MAX_ENTRIES, Place};
use super::ranking::{Ranked, columns, count};

/// What separates the columns, by the first line that says something.
pub(super) fn delimiter(first: &str) -> Option<u8> {
    // A lone quoted column is a table, too.
    let quoted = first.starts_with('"').then_some(b',');
    [b'\t', b',', b';'].into_iter().find(|delimiter| first.contains(char::from(*delimiter))).or(quoted)
}

/// Reads columns; the first row is a head if a cell of it is a usual one and no cell is a count.
///
/// Without a head the first cell that is no count is the name, and a count behind it ranks.
pub(super) fn read(text: &str, delimiter: u8) -> Result<Vec<Ranked>, ListError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let (mut ranked, mut row, mut layout) = (Vec::new(), csv::StringRecord::new(), None);
    // The text is UTF-8 and rows may have any number of cells, so reading does not fail.
    while reader.read_record(&mut row).unwrap_or(false) {
        if ranked.len() >= MAX_ENTRIES {
            return Err(ListError::TooMany);
        }
        let (name_at, count_at) = match layout {
            Some(layout) => layout,
            None => {
                let (name_at, count_at) = columns(row.iter());
                if let (Some(name_at), true) = (name_at, row.iter().all(|cell| count(cell).is_none())) {
                    layout = Some((name_at, count_at));
                    continue;
                }
                let name_at = row.iter().position(|cell| count(cell).is_none()).unwrap_or(0);
                let counted = row.iter().skip(name_at + 1).position(|cell| count(cell).is_some());
                *layout.insert((name_at, counted.map(|at| at + name_at + 1)))
            }
        };
        let line = row.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(usize::MAX));
        let name = row.get(name_at).filter(|name| !name.is_empty()).map(str::to_owned);
        let count = count_at.and_then(|at| count(row.get(at)?));
        ranked.push(Ranked { place: Place::Line(line), name, count });
    }
    Ok(ranked)
}
