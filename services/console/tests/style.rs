//! What the console's files promise: contrast of every pair of colours that is written or drawn on another, weight, and no text or direction
//! that is written into a template.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const CSS: &str = include_str!("../static/console.css");

/// Bytes of a file as it travels.
fn packed(content: &[u8]) -> usize {
    let mut packed = brotli::CompressorWriter::new(Vec::new(), 4096, 11, 22);
    packed.write_all(content).expect("written to memory");
    packed.into_inner().len()
}

#[test]
fn the_style_has_at_most_seven_kilobytes() {
    let bytes = packed(CSS.as_bytes());
    assert!(bytes <= 7 * 1024, "console.css has {bytes} bytes in brotli");
}

#[test]
fn everything_that_a_first_page_loads_has_less_than_sixty_kilobytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "static/console.css",
        "static/console.js",
        "static/queue.js",
        "static/tally.svg",
        "vendor/htmx.min.js",
        "vendor/hx-csp.min.js",
        "vendor/hx-sse.min.js",
        "vendor/icons.svg",
    ];
    let bytes: usize = files.iter().map(|file| packed(&fs::read(root.join(file)).expect("a file"))).sum();
    // The page itself is some 5 KB of it.
    assert!(bytes < 52 * 1024, "the files have {bytes} bytes in brotli");
}

/// The colours and their names, in light and dark. People who are drawn beside each other have one of ten, all of one name.
fn colours() -> Vec<(&'static str, [[f64; 3]; 2])> {
    let channel = |hex: &str, at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("a colour")) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let colour = |hex: &str| [1, 3, 5].map(|at| channel(hex.trim(), at));
    let tokens = CSS.split("--").filter_map(|token| token.split_once(": light-dark("));
    tokens
        .map(|(name, rest)| {
            let (both, _) = rest.split_once(')').expect("an end");
            let (light, dark) = both.split_once(',').expect("two colours");
            (name, [colour(light), colour(dark)])
        })
        .collect()
}

/// WCAG 2.2, contrast ratio.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let luminance = |[red, green, blue]: [f64; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_pair_of_colours_has_the_contrast_that_wcag_asks_for() {
    const GROUNDS: [&str; 3] = ["ground", "surface", "raised"];
    let text = ["text", "soft", "accent", "good", "warn", "bad", "who"];
    let mut pairs: Vec<(&str, &str, f64)> = GROUNDS.iter().flat_map(|on| text.map(|of| (of, *on, 4.5))).collect();
    pairs.extend([
        ("accent", "tint", 4.5),
        ("text", "tint", 4.5),
        ("on-accent", "accent", 4.5),
        ("surface", "bad", 4.5),
        ("good", "good-tint", 4.5),
        ("warn", "warn-tint", 4.5),
        ("bad", "bad-tint", 4.5),
        ("text", "bad-tint", 4.5),
    ]);
    // Borders of what is typed in, and the ring of what has the focus.
    pairs.extend(GROUNDS.iter().flat_map(|on| [("edge", *on, 3.0), ("focus", *on, 3.0)]));
    let colours = colours();
    let named: BTreeSet<&str> = pairs.iter().flat_map(|(of, on, _)| [*of, *on]).collect();
    let all: BTreeSet<&str> = colours.iter().map(|(name, _)| *name).filter(|name| *name != "line").collect();
    assert_eq!(named, all, "each colour is held against what it stands on, but for lines that only part");
    let mut faint = Vec::new();
    for (of, on, least) in pairs {
        let of_name = |name| colours.iter().filter(move |(known, _)| *known == name).map(|(_, colour)| colour);
        for (colour, on_colour) in of_name(of).flat_map(|colour| of_name(on).map(move |on| (colour, on))) {
            for (theme, at) in [("light", 0), ("dark", 1)] {
                let found = contrast(colour[at], on_colour[at]);
                if found < least {
                    faint.push(format!("{of} on {on} ({theme}): {found:.2}, not {least}"));
                }
            }
        }
    }
    assert!(faint.is_empty(), "{faint:#?}");
}

fn templates(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { templates(&path, found) } else { found.push(path) }
    }
}

/// A template without what the program writes and without its own language: what is left a reader sees as it stands, whatever they read.
fn left(template: &str) -> String {
    let mut left = template.to_owned();
    for (begin, end) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}")] {
        while let Some(from) = left.find(begin) {
            let to = left[from..].find(end).map_or(left.len(), |at| from + at + end.len());
            left.replace_range(from..to, "");
        }
    }
    left
}

#[test]
fn no_template_has_a_text_of_its_own() {
    /// Names, which are the same everywhere.
    const SAME: [&str; 2] = ["Tally", "·"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut all = Vec::new();
    templates(&root, &mut all);
    assert!(all.len() > 60, "{} templates", all.len());
    let mut found = Vec::new();
    for path in all {
        let page = left(&fs::read_to_string(&path).expect("a template"));
        let name = path.strip_prefix(&root).expect("below").display().to_string();
        let (mut text, mut rest) = (String::new(), page.as_str());
        while let Some((before, tag)) = rest.split_once('<') {
            text.push_str(before);
            let (inside, after) = tag.split_once('>').unwrap_or((tag, ""));
            for attribute in ["aria-label=\"", "placeholder=\"", "title=\"", "alt=\""] {
                text.push_str(inside.split(attribute).nth(1).and_then(|it| it.split('"').next()).unwrap_or_default());
                text.push(' ');
            }
            rest = after;
        }
        text.push_str(rest);
        let text = SAME.iter().fold(text, |text, same| text.replace(same, ""));
        if let Some(word) = text.split_whitespace().find(|word| word.chars().any(char::is_alphabetic)) {
            found.push(format!("{name}: {word}"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn nothing_says_left_or_right() {
    const WAYS: [&str; 8] = [
        "margin-left",
        "margin-right",
        "padding-left",
        "padding-right",
        "text-align: left",
        "text-align: right",
        " left:",
        " right:",
    ];
    let found: Vec<&str> = WAYS.into_iter().filter(|way| CSS.contains(way)).collect();
    assert!(found.is_empty(), "{found:?}: write inline-start and inline-end");
}
