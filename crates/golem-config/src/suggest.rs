//! "Did you mean …?": the known word that lies nearest to an unknown one.

/// The word of `known` that `word` is probably a slip of: at most a third of its letters differ, case aside.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(64).collect();
    let tolerated = word.len() / 3;
    known
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated.max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour to make one word of the other.
fn distance(word: &[char], candidate: &str) -> usize {
    let candidate: Vec<char> = candidate.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=candidate.len()).collect();
    for (i, letter) in word.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in candidate.iter().enumerate() {
            let replaced = above[j] + usize::from(letter != other);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == candidate[j - 1] && word[i - 1] == *other {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[candidate.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KNOWN: [&str; 4] = ["timeout", "hash", "hash_tag", "tcpkeepalive"];

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        for slip in ["tiemout", "time_out", "Timeout", "timeuot", "timeouts"] {
            assert_eq!(nearest(slip, KNOWN.into_iter()), Some("timeout"), "{slip}");
        }
        assert_eq!(nearest("tcp_keepalive", KNOWN.into_iter()), Some("tcpkeepalive"));
        assert_eq!(nearest("hashtag", KNOWN.into_iter()), Some("hash_tag"));
    }

    #[test]
    fn another_word_is_no_slip() {
        for word in ["", "x", "sentinels", "foo"] {
            assert_eq!(nearest(word, KNOWN.into_iter()), None, "{word}");
        }
    }
}
