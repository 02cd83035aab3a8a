//! A file of the bundle: its digest, its size, its encoding, and its text as UTF-8 bytes.
//!
//! A file is read twice. The first pass takes the digest and looks at every byte to settle the encoding, so that a
//! Chinese name in the last line decides as much as one in the first; the second pass streams the text.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{CoderResult, Decoder, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};
use strum_macros::IntoStaticStr;
use tally_kernel::msg;

use super::diagnostics::Unusable;

/// The file that only a normalised bundle has: what its first reading found.
pub(crate) const READING: &str = "reading.csv";

const CHUNK: usize = 256 * 1024;

/// How the text of a file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum TextEncoding {
    /// UTF-8, with or without a byte order mark.
    #[strum(serialize = "UTF-8")]
    Utf8,
    /// GBK, read as its superset GB 18030.
    #[strum(serialize = "GBK")]
    Gbk,
    /// UTF-16, little end first.
    #[strum(serialize = "UTF-16LE")]
    Utf16Le,
    /// UTF-16, big end first.
    #[strum(serialize = "UTF-16BE")]
    Utf16Be,
}

/// A file as it was found: what the manifest of a result says about an input.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileDigest {
    /// Name in the bundle.
    pub file: String,
    /// Size in bytes.
    pub bytes: u64,
    /// blake3 of the bytes, in hexadecimal.
    pub blake3: String,
}

/// Says how far the reading is: bytes worked on, and bytes to work on in all (every file counts twice).
pub struct Progress<'a> {
    done: u64,
    total: u64,
    tell: &'a mut dyn FnMut(u64, u64),
}

impl<'a> Progress<'a> {
    pub(crate) fn new(total: u64, tell: &'a mut dyn FnMut(u64, u64)) -> Self {
        Self { done: 0, total, tell }
    }

    fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        (self.tell)(self.done.min(self.total), self.total);
    }

    /// The whole is done, whatever was skipped.
    pub(crate) fn finish(&mut self) {
        (self.tell)(self.total, self.total);
    }
}

/// A file that was looked through once.
#[derive(Debug)]
pub(crate) struct Source {
    pub name: &'static str,
    pub digest: FileDigest,
    pub encoding: TextEncoding,
    /// The bytes are not quite valid in `encoding`: rows with U+FFFD are to be rejected.
    pub damaged: bool,
    /// The folder holds the canonical form of a bundle, which is read to the letter.
    pub canonical: bool,
    path: PathBuf,
    skip: u64,
    two_byte_only: bool,
}

/// The size of a file of the bundle, nothing when it is not there.
pub(crate) fn size_of(dir: &Path, name: &str) -> Result<Option<u64>, Unusable> {
    match std::fs::metadata(dir.join(name)) {
        Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
        Ok(_) => Err(Unusable::new("NOT_A_FILE", name, msg!("NOT_A_FILE"), msg!("NOT_A_FILE_CURE"))),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(unreadable(name, &err)),
    }
}

fn unreadable(name: &str, err: &io::Error) -> Unusable {
    Unusable::new("UNREADABLE", name, msg!("UNREADABLE", error = tally_i18n::io(err)), msg!("UNREADABLE_CURE"))
}

impl Source {
    /// Looks through `dir/name`: digest, size, encoding. Nothing when the file is not there.
    ///
    /// # Errors
    /// The file cannot be read, holds bytes no text has, or is in an encoding that is not supported.
    pub fn inspect(dir: &Path, name: &'static str, progress: &mut Progress<'_>) -> Result<Option<Self>, Unusable> {
        if size_of(dir, name)?.is_none() {
            return Ok(None);
        }
        let path = dir.join(name);
        let mut file = File::open(&path).map_err(|e| unreadable(name, &e))?;
        let mut sweep = Sweep::default();
        each_chunk(&mut file, |chunk| {
            sweep.look_at(chunk);
            progress.add(chunk.len());
        })
        .map_err(|e| unreadable(name, &e))?;
        sweep.close();
        let (encoding, skip) = sweep.marks();
        let mut source = Self {
            name,
            digest: FileDigest {
                file: name.to_owned(),
                bytes: sweep.bytes,
                blake3: sweep.hasher.finalize().to_hex().to_string(),
            },
            encoding,
            damaged: encoding == TextEncoding::Utf8 && sweep.utf8.errors > 0,
            canonical: dir.join(READING).exists(),
            path,
            skip,
            two_byte_only: sweep.utf8.valid_bytes > 0 && sweep.utf8.long_leads == 0,
        };
        if encoding != TextEncoding::Utf8 {
            source.damaged = true;
            return Ok(Some(source));
        }
        if sweep.has_nul {
            return Err(Unusable::new("NOT_TEXT", name, msg!("ZERO_BYTES"), msg!("ZERO_BYTES_CURE")));
        }
        if sweep.utf8.errors > 0 && sweep.utf8.valid_bytes < 3 * sweep.utf8.errors {
            file.seek(SeekFrom::Start(0)).map_err(|e| unreadable(name, &e))?;
            source.damaged = settle_gbk(&mut file, name)?;
            source.encoding = TextEncoding::Gbk;
        }
        Ok(Some(source))
    }

    /// Beside files in GBK, a file that is UTF-8 only because its few Chinese characters happen to look like it
    /// (as one 郑 does: Chinese in UTF-8 takes three bytes) is GBK too.
    pub fn agree_on_gbk(sources: &mut [Self]) {
        if sources.iter().any(|s| s.encoding == TextEncoding::Gbk) {
            let doubtful = |s: &&mut Self| s.encoding == TextEncoding::Utf8 && s.two_byte_only && s.skip == 0;
            for source in sources.iter_mut().filter(doubtful) {
                source.encoding = TextEncoding::Gbk;
                source.damaged = true;
            }
        }
    }

    /// The text as UTF-8 bytes without a byte order mark, streamed.
    ///
    /// # Errors
    /// The file cannot be opened any more.
    pub fn open(&self) -> Result<Text, Unusable> {
        let mut file = File::open(&self.path).map_err(|e| unreadable(self.name, &e))?;
        file.seek(SeekFrom::Start(self.skip)).map_err(|e| unreadable(self.name, &e))?;
        let encoding: &'static Encoding = match self.encoding {
            TextEncoding::Utf8 => UTF_8,
            TextEncoding::Gbk => GB18030,
            TextEncoding::Utf16Le => UTF_16LE,
            TextEncoding::Utf16Be => UTF_16BE,
        };
        let as_it_is = self.encoding == TextEncoding::Utf8 && !self.damaged;
        let decoder = (!as_it_is).then(|| encoding.new_decoder_without_bom_handling());
        Ok(Text { file, decoder, raw: Vec::new(), at: 0, ended: false, finished: false, taken: 0 })
    }

    /// The whole text of a small file (settings), refused above one mebibyte.
    ///
    /// # Errors
    /// The file is larger, or not valid text.
    pub fn small_text(&self, progress: &mut Progress<'_>) -> Result<String, Unusable> {
        if self.digest.bytes > 1024 * 1024 {
            let (problem, cure) = (msg!("TOO_LARGE_SETTINGS"), msg!("TOO_LARGE_SETTINGS_CURE"));
            return Err(Unusable::new("TOO_LARGE", self.name, problem, cure));
        }
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes).map_err(|e| unreadable(self.name, &e))?;
        progress.add(self.digest.bytes as usize);
        match String::from_utf8(bytes) {
            Ok(text) if !(self.damaged && text.contains('\u{fffd}')) => Ok(text),
            _ => Err(Unusable::new("NOT_TEXT", self.name, msg!("NOT_VALID_TEXT"), msg!("NOT_VALID_TEXT_CURE"))),
        }
    }
}

/// Reads `file` to its end in chunks.
fn each_chunk(file: &mut File, mut look: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buf = vec![0; CHUNK];
    loop {
        match file.read(&mut buf) {
            Ok(0) => return Ok(()),
            Ok(n) => look(&buf[..n]),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
}

/// What one pass over the bytes shows.
#[derive(Default)]
struct Sweep {
    hasher: blake3::Hasher,
    bytes: u64,
    head: Vec<u8>,
    has_nul: bool,
    utf8: Utf8Check,
}

impl Sweep {
    fn look_at(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        if self.head.len() < 8 {
            self.head.extend_from_slice(&chunk[..chunk.len().min(8)]);
        }
        let utf16 = matches!(self.marks().0, TextEncoding::Utf16Le | TextEncoding::Utf16Be);
        self.has_nul = self.has_nul || (!utf16 && chunk.contains(&0));
        // A file with zero bytes is refused whatever else is in it: the rest is passed over.
        if !self.has_nul {
            self.hasher.update(chunk);
        }
        if !self.has_nul && !utf16 {
            self.utf8.look_at(chunk);
        }
    }

    fn close(&mut self) {
        self.utf8.errors += u64::from(!self.utf8.carry.is_empty());
    }

    /// UTF-16 by its mark, or by the zero byte beside each of the first ASCII letters; and the mark's length.
    fn marks(&self) -> (TextEncoding, u64) {
        match *self.head.as_slice() {
            [0xff, 0xfe, ..] => (TextEncoding::Utf16Le, 2),
            [0xfe, 0xff, ..] => (TextEncoding::Utf16Be, 2),
            [a, 0, b, 0, ..] if a != 0 && b != 0 => (TextEncoding::Utf16Le, 0),
            [0, a, 0, b, ..] if a != 0 && b != 0 => (TextEncoding::Utf16Be, 0),
            [0xef, 0xbb, 0xbf, ..] => (TextEncoding::Utf8, 3),
            _ => (TextEncoding::Utf8, 0),
        }
    }
}

/// Counts what is and what is not UTF-8 in a stream of chunks.
#[derive(Default)]
struct Utf8Check {
    carry: Vec<u8>,
    errors: u64,
    /// Bytes of valid characters beyond ASCII.
    valid_bytes: u64,
    /// Valid characters of three and more bytes.
    long_leads: u64,
}

impl Utf8Check {
    fn look_at(&mut self, chunk: &[u8]) {
        if self.carry.is_empty() {
            return self.check(chunk);
        }
        let joined = [self.carry.as_slice(), chunk].concat();
        self.carry.clear();
        self.check(&joined);
    }

    fn check(&mut self, mut bytes: &[u8]) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(_) => return self.count(bytes),
                Err(err) => {
                    self.count(&bytes[..err.valid_up_to()]);
                    let rest = &bytes[err.valid_up_to()..];
                    match err.error_len() {
                        None => return self.carry.extend_from_slice(rest),
                        Some(len) => {
                            self.errors += 1;
                            bytes = &rest[len..];
                        }
                    }
                }
            }
        }
    }

    fn count(&mut self, valid: &[u8]) {
        self.valid_bytes += valid.iter().filter(|b| **b >= 0x80).count() as u64;
        self.long_leads += valid.iter().filter(|b| **b >= 0xe0).count() as u64;
    }
}

/// Not UTF-8: it is GBK, or unusable. Returns whether some bytes are not valid GBK.
fn settle_gbk(file: &mut File, name: &'static str) -> Result<bool, Unusable> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut check = GbkCheck::default();
    let mut out = String::with_capacity(CHUNK * 2);
    // Statistics need some text that is not ASCII, not all of it: they are slow, and a file may have gigabytes.
    let mut samples = 16;
    each_chunk(file, |chunk| {
        let sample = samples > 0 && !chunk.is_ascii();
        samples -= usize::from(sample);
        if sample {
            detector.feed(chunk, false);
        }
        out.clear();
        let needed = decoder.max_utf8_buffer_length(chunk.len()).unwrap_or(chunk.len() * 3);
        out.reserve(needed);
        let (_, _, malformed) = decoder.decode_to_string(chunk, &mut out, false);
        check.malformed |= malformed;
        if sample {
            check.look_at(&out);
        }
    })
    .map_err(|e| unreadable(name, &e))?;
    detector.feed(&[], true);
    let guess = detector.guess(Some(b"cn"), Utf8Detection::Deny);
    // A handful of names is too little for statistics: then the everyday characters of Chinese speak for GBK.
    if guess == GBK || guess == GB18030 || (!check.malformed && check.everyday * 10 >= check.chinese * 9) {
        return Ok(check.malformed);
    }
    let problem = msg!("UNKNOWN_ENCODING", encoding = guess.name());
    Err(Unusable::new("UNKNOWN_ENCODING", name, problem, msg!("NOT_VALID_TEXT_CURE")))
}

#[derive(Default)]
struct GbkCheck {
    malformed: bool,
    chinese: u64,
    everyday: u64,
}

impl GbkCheck {
    fn look_at(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_ascii()) {
            self.chinese += 1;
            let mut utf8 = [0; 4];
            let (gbk, _, _) = GBK.encode(c.encode_utf8(&mut utf8));
            // Level 1 of GB 2312, and its punctuation and full-width forms.
            let everyday = matches!(*gbk, [0xb0..=0xd7 | 0xa1 | 0xa3, 0xa1..=0xfe]);
            self.everyday += u64::from(everyday);
        }
    }
}

/// The text of a file as UTF-8 bytes.
pub(crate) struct Text {
    file: File,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    at: usize,
    ended: bool,
    finished: bool,
    taken: usize,
}

impl Text {
    /// Bytes of the file read since this was last asked.
    pub fn take_progress(&mut self, progress: &mut Progress<'_>) {
        if self.taken > 0 {
            progress.add(std::mem::take(&mut self.taken));
        }
    }
}

impl Read for Text {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else {
            let n = self.file.read(out)?;
            self.taken += n;
            return Ok(n);
        };
        // The longest character needs four bytes, and the decoder asks for a little more.
        if out.len() < 16 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the buffer is too small to decode into"));
        }
        loop {
            if self.finished {
                return Ok(0);
            }
            let (result, read, written, _) = decoder.decode_to_utf8(&self.raw[self.at..], out, self.ended);
            self.at += read;
            self.finished = self.ended && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
            match result {
                CoderResult::OutputFull => return Ok(0),
                CoderResult::InputEmpty if self.ended => continue,
                CoderResult::InputEmpty => {}
            }
            self.raw.resize(CHUNK, 0);
            let n = self.file.read(&mut self.raw)?;
            self.raw.truncate(n);
            self.at = 0;
            self.taken += n;
            self.ended = n == 0;
        }
    }
}
