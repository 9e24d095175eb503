//! The circles among files that name each other.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
    path::PathBuf,
};

use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};

use crate::references::Reference;

/// Files each of which leads to all others.
pub struct Circle {
    /// In order.
    pub files: Vec<PathBuf>,
    /// The first reference from each of them to each other.
    references: Vec<Reference>,
}

/// All circles, each as large as can be.
pub fn circles(references: &BTreeSet<Reference>) -> Vec<Circle> {
    let mut files: DiGraphMap<_, _> = DiGraphMap::new();
    let mut first = BTreeMap::new();
    for reference in references {
        let (from, to) = (reference.from.as_path(), reference.to.as_path());
        files.add_edge(from, to, ());
        if let Entry::Vacant(entry) = first.entry((from, to)) {
            entry.insert(reference);
        }
    }
    tarjan_scc(&files)
        .into_iter()
        .filter(|circle| circle.len() > 1)
        .map(|mut circle| {
            circle.sort();
            let inside = |file| circle.contains(file);
            let references = first
                .iter()
                .filter(|((from, to), _)| inside(from) && inside(to))
                .map(|(_, &reference)| reference.clone())
                .collect();
            Circle {
                references,
                files: circle.into_iter().map(PathBuf::from).collect(),
            }
        })
        .collect()
}

impl fmt::Display for Circle {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        writeln!(to, "{} files lead to each other:", self.files.len())?;
        for reference in &self.references {
            writeln!(
                to,
                "    {}:{} names {}, which is in {}",
                reference.from.display(),
                reference.line,
                reference.name,
                reference.to.display()
            )?;
        }
        Ok(())
    }
}
