//! UTF-8 that somebody read as windows-1252: `âœ…` was `✅`, `â€”` was `—`. Win emails are pasted through many tools.

/// The characters of windows-1252 for the bytes 0x80 to 0x9F; unassigned bytes stand as C1 controls.
const C1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// `text` with every broken sequence mended; text without one comes back as it is.
pub(super) fn mend(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = chars.as_slice();
    while let Some((first, tail)) = rest.split_first() {
        match sequence(rest) {
            Some((c, used)) => {
                out.push(c);
                rest = rest.get(used..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

/// The character that the next two to four characters were, and how many they are.
fn sequence(chars: &[char]) -> Option<(char, usize)> {
    let lead = byte(*chars.first()?)?;
    let length = match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    // Tools that straighten quotes have turned the last character of the dashes into `"`.
    if let ['â', '€', '"', ..] = chars {
        return Some(('—', 3));
    }
    // 0x9D is unassigned and often lost on the way, so that the cross comes as two characters.
    if let ['â', 'Œ', ..] = chars {
        return Some(('❌', 2));
    }
    let bytes: Option<Vec<u8>> = chars.get(..length)?.iter().map(|c| byte(*c)).collect();
    let bytes = bytes?;
    let mended = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((mended, length))
}

fn byte(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ 0x80..=0xff => u8::try_from(code).ok(),
        _ => C1.iter().position(|known| *known == c).and_then(|i| u8::try_from(i + 0x80).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mends_marks_dashes_and_letters() {
        assert_eq!(mend("âœ… SSO â€” Passed"), "✅ SSO — Passed");
        assert_eq!(mend("âœ” SSO â€\" Passed"), "✔ SSO — Passed");
        assert_eq!(mend("\u{e2}\u{9c}\u{85} latin1"), "✅ latin1");
        assert_eq!(mend("âŒ x, â\u{9d}Œ y"), "❌ x, ❌ y");
        assert_eq!(mend("VÃ¤sterÃ¥s ðŸŸ¡"), "Västerås 🟡");
    }

    #[test]
    fn leaves_honest_text_alone() {
        for text in ["Ça coûte 5 € à l'âme", "Ärger über Öl", "naïve Åse – 「評価」", "â la carte"]
        {
            assert_eq!(mend(text), text);
        }
    }
}
