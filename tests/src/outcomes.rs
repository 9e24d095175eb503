//! What each failure led to: a table of calls, faults and outcomes.

use std::collections::{BTreeMap, BTreeSet};

/// The table. A story has parts, counted from 1, in each of which calls are made that fail.
pub struct Outcomes {
    parts: &'static [&'static str],
    /// By part and call, and by fault.
    rows: BTreeMap<(usize, String), BTreeMap<&'static str, BTreeSet<String>>>,
}

impl Outcomes {
    /// An empty table of a story with these parts.
    pub fn new(parts: &'static [&'static str]) -> Self {
        Self {
            parts,
            rows: BTreeMap::new(),
        }
    }

    /// This call in this part had this fault, and that came of it.
    pub fn add(&mut self, part: usize, call: &str, fault: &'static str, outcome: String) {
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
        let mut last = 0;
        for ((part, call), faults) in &self.rows {
            if *part != last {
                last = *part;
                println!("{}", self.parts[part - 1]);
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
