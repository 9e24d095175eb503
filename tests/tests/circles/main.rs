//! No circle of files: whoever reads a file may put the ones that it names aside until later, and never comes
//! back to where they began.
//!
//! A file depends on another of its crate if it names one of that file's items: in a `use`, in a path in code,
//! or inside of a macro's arguments. What is re-exported counts as named where it is defined, not where it is
//! re-exported. Three things are no dependency: declaring a module (`mod child;`), naming one on the way to something
//! else, and re-exporting what a descendant defines (`pub use child::Item`). So a parent that only
//! declares and re-exports is on no circle with children that name each other through it, and a parent with
//! code that names its children is on one if they name what it defines. Modules written out inside of a
//! file belong to it, their tests too. Methods of values are not seen.
//!
//! In the layer the same holds for folders: one may know those that its files name.

#![allow(missing_docs, reason = "a test binary")]

mod graph;
mod paths;
mod references;
mod tree;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use graph::Circle;
use references::Reference;
use serde_json::Value;

/// The roots of all targets of all members of the workspace: libraries, programs, tests.
fn targets() -> Vec<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .flat_map(|package| package["targets"].as_array().expect("targets"))
        .map(|target| PathBuf::from(target["src_path"].as_str().expect("a path")))
        .collect()
}

#[test]
fn no_file_of_the_workspace_is_on_a_circle() {
    let targets = targets();
    assert!(targets.len() > 30, "only {} targets", targets.len());
    let mut seen = BTreeSet::new();
    let mut found = String::new();
    for root in targets {
        for circle in circles_of(&root) {
            // Two targets can share a module.
            if seen.insert(circle.files.clone()) {
                found += &format!("{circle}\n");
            }
        }
    }
    assert!(seen.is_empty(), "{} circles\n\n{found}", seen.len());
}

/// A folder of the layer knows only folders that do not lead back to it.
#[test]
fn no_folder_of_the_layer_is_on_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../layer/src");
    let files = references::between_files(&tree::Crate::read(&source.join("lib.rs")));
    let folders = between_folders(&files, &source);
    assert!(folders.len() > 20, "only {} references", folders.len());
    let circles = graph::circles(&folders);
    let found: String = circles.iter().map(|circle| format!("{circle}\n")).collect();
    assert!(circles.is_empty(), "{} circles\n\n{found}", circles.len());
}

/// The same from folder to folder directly below `source`; what lies in `source` itself is in none.
fn between_folders(files: &BTreeSet<Reference>, source: &Path) -> BTreeSet<Reference> {
    let folder = |file: &Path| {
        let inside = file.strip_prefix(source).ok()?;
        let folder = inside.parent()?.components().next()?;
        Some(source.join(folder))
    };
    let between = |reference: &Reference| {
        let (from, to) = (folder(&reference.from)?, folder(&reference.to)?);
        let name = format!("{} in {}", reference.name, reference.from.display());
        (from != to).then_some(Reference {
            from,
            to,
            name,
            ..reference.clone()
        })
    };
    files.iter().filter_map(between).collect()
}

#[test]
fn folders_whose_files_name_each_other_are_a_circle() {
    let reference = |from: &str, to: &str| Reference {
        from: from.into(),
        line: 1,
        name: "X".to_owned(),
        to: to.into(),
    };
    let files = BTreeSet::from([
        reference("src/a/one.rs", "src/b/one.rs"),
        reference("src/b/two.rs", "src/a/two.rs"),
        reference("src/a/one.rs", "src/c/deep/one.rs"),
        reference("src/lib.rs", "src/a/one.rs"),
        reference("src/c/one.rs", "src/lib.rs"),
    ]);
    let circles = graph::circles(&between_folders(&files, Path::new("src")));
    let circles: Vec<_> = circles.iter().map(|circle| &circle.files).collect();
    assert_eq!(circles, [&[PathBuf::from("src/a"), PathBuf::from("src/b")]]);
}

fn circles_of(root: &Path) -> Vec<Circle> {
    graph::circles(&references::between_files(&tree::Crate::read(root)))
}

/// The circles of a crate made up of these files, each as the names of its files.
fn circles_among(name: &str, files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("circles-{name}"));
    for (file, text) in files {
        let path = directory.join(file);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    let circles = circles_of(&directory.join(files[0].0));
    fs::remove_dir_all(&directory).expect("ours to remove");
    let name = |file: &PathBuf| {
        let inside = file.strip_prefix(&directory).expect("inside of it");
        inside.display().to_string()
    };
    circles
        .iter()
        .map(|circle| circle.files.iter().map(name).collect())
        .collect()
}

#[test]
fn two_files_that_name_each_other_are_a_circle() {
    let circles = circles_among(
        "two",
        &[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B; fn f(_: super::a::A) {}"),
            ("c.rs", "use crate::{a::A, b::B}; fn f(_: A, _: B) {}"),
        ],
    );
    assert_eq!(circles, [["a.rs", "b.rs"]]);
}

#[test]
fn a_name_inside_of_a_macro_counts() {
    let circles = circles_among(
        "macro",
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub const A: u32 = crate::b::B;"),
            (
                "b.rs",
                "pub const B: u32 = 1; fn f() { println!(\"{}\", crate::a::A) }",
            ),
        ],
    );
    assert_eq!(circles, [["a.rs", "b.rs"]]);
}

#[test]
fn a_name_through_an_imported_module_or_a_glob_counts() {
    let circles = circles_among(
        "glob",
        &[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b; pub fn f() { b::f() }"),
            ("b.rs", "use super::c::*; pub fn f() { g() }"),
            ("c.rs", "pub fn g() { use crate::a; a::f() }"),
        ],
    );
    assert_eq!(circles, [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn a_parent_that_only_re_exports_is_on_no_circle() {
    let circles = circles_among(
        "re-export",
        &[
            ("lib.rs", "mod room;"),
            ("room.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("room/a.rs", "use super::B; pub struct A(B);"),
            ("room/b.rs", "pub struct B;"),
        ],
    );
    assert!(circles.is_empty(), "{circles:?}");
}

#[test]
fn names_through_a_re_export_are_those_of_the_file_behind_it() {
    let circles = circles_among(
        "behind",
        &[
            ("lib.rs", "mod room; mod c; pub use room::A;"),
            ("room.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("room/a.rs", "use super::B; pub struct A(B);"),
            ("room/b.rs", "pub struct B; fn f(_: crate::c::C) {}"),
            ("c.rs", "pub struct C(crate::A);"),
        ],
    );
    assert_eq!(circles, [["c.rs", "room/a.rs", "room/b.rs"]]);
}

#[test]
fn a_parent_with_code_and_a_child_that_names_it_are_a_circle() {
    let circles = circles_among(
        "parent",
        &[
            ("lib.rs", "mod room;"),
            (
                "room.rs",
                "mod a; pub struct Room(a::A); pub const SIZE: u32 = 1;",
            ),
            ("room/a.rs", "pub struct A([u8; super::SIZE]);"),
        ],
    );
    assert_eq!(circles, [["room/a.rs", "room.rs"]]);
}

#[test]
fn modules_inside_of_a_file_belong_to_it() {
    let circles = circles_among(
        "inline",
        &[
            ("lib.rs", "mod a;"),
            (
                "a.rs",
                "pub struct A; #[cfg(test)] mod tests { use super::*; fn f(_: A) {} }",
            ),
        ],
    );
    assert!(circles.is_empty(), "{circles:?}");
}
