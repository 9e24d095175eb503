//! What each failure led to: a table of calls, faults and outcomes.

use std::collections::{BTreeMap, BTreeSet};

use super::part::Part;

/// The table.
#[derive(Default)]
pub struct Outcomes {
    /// By part and call, and by fault.
    rows: BTreeMap<(Part, String), BTreeMap<&'static str, BTreeSet<String>>>,
}

impl Outcomes {
    /// This call in this part had this fault, and that came of it.
    pub fn add(&mut self, part: Part, call: &str, fault: &'static str, outcome: String) {
        self.rows
            .entry((part, call.to_owned()))
            .or_default()
            .entry(fault)
            .or_default()
            .insert(outcome);
    }

    /// One line for each call, with what its faults have in common told once.
    pub fn print(&self, title: &str) {
        println!("== {title}: call x fault");
        let mut last = None;
        for ((part, call), faults) in &self.rows {
            if last.replace(part) != Some(part) {
                println!("{}", part.name());
            }
            let mut outcomes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (fault, told) in faults {
                let told = told.iter().cloned().collect::<Vec<_>>().join(" or ");
                outcomes.entry(told).or_default().push(fault);
            }
            for (told, faults) in outcomes {
                println!("  {call:<42} {:<60} {told}", faults.join(" "));
            }
        }
    }
}
