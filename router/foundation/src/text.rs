//! Texts of clients in messages.

/// Truncates a text that echoes a client's input to `max` characters: the input may be a megabyte.
pub fn truncate_chars(text: &mut String, max: usize) {
    if let Some((end, _)) = text.char_indices().nth(max) {
        text.truncate(end);
        text.push('…');
    }
}
