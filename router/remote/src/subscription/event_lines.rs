//! The lines of a stream of server-sent events.

use bytes::{Buf, BytesMut};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Splits a stream into lines, which end with CRLF, LF or CR.
///
/// A line that ends with CR is complete at once: whether LF follows is known only when more of the stream has come.
#[derive(Default)]
pub struct EventLines {
    /// The received bytes without the lines that were taken.
    unread: BytesMut,
    /// The bytes of `unread` that contain no end of a line.
    searched: usize,
    /// Whether the last line ended with CR, so that LF at the beginning of `unread` belongs to it.
    is_after_cr: bool,
    is_begun: bool,
}

impl EventLines {
    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// Returns the number of bytes of the line that is not complete.
    pub fn unread_bytes(&self) -> usize {
        self.unread.len()
    }

    /// Takes the next complete line, without its end.
    pub fn next(&mut self) -> Option<BytesMut> {
        if self.is_after_cr && !self.unread.is_empty() {
            self.is_after_cr = false;
            if self.unread[0] == b'\n' {
                self.unread.advance(1);
            }
        }
        let mut rest = self.unread[self.searched..].iter();
        let Some(end) = rest.position(|byte| matches!(byte, b'\r' | b'\n')) else {
            self.searched = self.unread.len();
            return None;
        };
        let mut line = self.unread.split_to(self.searched + end);
        self.searched = 0;
        self.is_after_cr = self.unread[0] == b'\r';
        self.unread.advance(1);
        if !std::mem::replace(&mut self.is_begun, true) && line.starts_with(BYTE_ORDER_MARK) {
            line.advance(BYTE_ORDER_MARK.len());
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = EventLines::default();
        let mut found = Vec::new();
        for piece in pieces {
            lines.push(piece);
            while let Some(line) = lines.next() {
                found.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        found
    }

    #[test]
    fn lines_end_with_crlf_lf_or_cr_wherever_the_stream_is_split() {
        let stream = "a\r\nb\nc\rd\r\r\n\n\r\n\u{e9}\u{1f600}\r".as_bytes();
        let expected = ["a", "b", "c", "d", "", "", "", "\u{e9}\u{1f600}"];
        assert_eq!(lines(&[stream]), expected);
        for split in 0..stream.len() {
            let (first, second) = stream.split_at(split);
            assert_eq!(lines(&[first, second]), expected, "split at {split}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(lines(&bytes), expected);
    }

    #[test]
    fn a_line_is_complete_at_its_cr() {
        assert_eq!(lines(&[b"a\r"]), ["a"]);
    }

    #[test]
    fn a_byte_order_mark_is_ignored_at_the_beginning_only() {
        let stream = "\u{feff}a\n\u{feff}b\n".as_bytes();
        for split in 0..stream.len() {
            let (first, second) = stream.split_at(split);
            assert_eq!(lines(&[first, second]), ["a", "\u{feff}b"], "split at {split}");
        }
    }
}
