//! Which file names items of which other file, and where.

use std::{collections::BTreeSet, path::PathBuf};

use crate::tree::Crate;

/// A name in one file of an item in another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub from: PathBuf,
    pub line: usize,
    pub name: String,
    pub to: PathBuf,
}

/// Every reference from one file to another, in order.
pub fn between_files(all: &Crate) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    for (id, module) in all.modules.iter().enumerate() {
        for written in &module.paths {
            for definer in all.definers(id, &written.path) {
                let to = &all.modules[definer].file;
                let re_export = written.exported && all.is_within(definer, id);
                if *to != module.file && !re_export {
                    found.insert(Reference {
                        from: module.file.clone(),
                        line: written.line,
                        name: written.path.join("::"),
                        to: to.clone(),
                    });
                }
            }
        }
    }
    found
}
