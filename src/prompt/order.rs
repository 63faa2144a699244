//! Orders by mail. Only an authenticated person of the seller gives them, and none of them ever says a verdict.

use crate::model::{Address, OpportunityId};
use crate::record::Command;

/// Longest text that is searched for an order, in lines: an order stands at the top.
const LINES_MAX: usize = 12;

/// The order in what a person typed: HOLD, RESUME, `LINK OPP-…` or `CHAMPION address`, on a line by itself.
pub fn order(typed: &str) -> Option<Command> {
    typed.lines().map(str::trim).filter(|l| !l.is_empty()).take(LINES_MAX).find_map(of_line)
}

fn of_line(line: &str) -> Option<Command> {
    let line = line.trim_end_matches(['.', '!']);
    let mut words = line.split_whitespace();
    let (word, argument, rest) = (words.next()?, words.next(), words.next());
    if rest.is_some() {
        return None;
    }
    match (word.to_ascii_uppercase().as_str(), argument) {
        ("HOLD", None) => Some(Command::Hold),
        ("RESUME", None) => Some(Command::Resume),
        ("LINK", Some(id)) => Some(Command::Link { opportunity: OpportunityId::new(id)? }),
        ("CHAMPION", Some(address)) => {
            let address = address.trim_matches(['<', '>']);
            let plain = address.bytes().all(|b| b.is_ascii_graphic());
            Some(Command::Champion { address: Address::new(address).filter(|_| plain)? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_line_by_itself() {
        assert_eq!(order("HOLD"), Some(Command::Hold));
        assert_eq!(order("Thanks!\n\nhold.\n\nKim"), Some(Command::Hold));
        assert_eq!(order("resume"), Some(Command::Resume));
        let link = Command::Link { opportunity: OpportunityId::new("OPP-7").unwrap() };
        assert_eq!(order("LINK opp-7"), Some(link));
        let champion = Command::Champion { address: Address::new("dana@acme.example").unwrap() };
        assert_eq!(order("CHAMPION <Dana@acme.example>"), Some(champion));
        for text in
            ["Please hold the line.", "We hold", "HOLD ON", "CHAMPION nobody", "LINK soon", "CONFIRMED", ""]
        {
            assert_eq!(order(text), None, "{text}");
        }
    }
}
