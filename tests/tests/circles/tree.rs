//! The modules of a crate, and what each calls by which name.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Expr, ExprLit, Item, ItemMod, Lit, Meta};

use crate::paths::{Paths, Written};

/// A module, by its place in [`Crate::modules`].
pub type Id = usize;

/// What a name stands for in a module.
#[derive(Clone, Debug)]
pub enum Meaning {
    Module(Id),
    /// An item that the module defines.
    Item,
    Import(Vec<String>),
}

/// A module, whether it is a file or written out inside of one.
pub struct Module {
    pub file: PathBuf,
    pub parent: Option<Id>,
    /// Every path in it.
    pub paths: Vec<Written>,
    /// A type, a function and a module can share a name.
    names: HashMap<String, Vec<Meaning>>,
    globs: Vec<Vec<String>>,
}

/// All modules of one target. The first is its root.
pub struct Crate {
    pub modules: Vec<Module>,
}

/// How many imports in a row can lead to an item: more are imports of each other.
const FARTHEST: u32 = 16;

impl Crate {
    /// Reads the target with this root.
    pub fn read(root: &Path) -> Self {
        let mut all = Self { modules: vec![] };
        let directory = root.parent().expect("a file lies in a directory");
        all.read_file(root, None, directory);
        all
    }

    fn read_file(&mut self, file: &Path, parent: Option<Id>, children: &Path) -> Id {
        let text =
            fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| {
            panic!("{}:{}: {error}", file.display(), error.span().start().line)
        });
        self.add(file, parent, children, &parsed.items)
    }

    /// Adds a module whose children that are files lie in a directory of their own.
    fn add(&mut self, file: &Path, parent: Option<Id>, children: &Path, items: &[Item]) -> Id {
        let id = self.modules.len();
        let paths = Paths::of(items);
        self.modules.push(Module {
            file: file.to_path_buf(),
            parent,
            paths: paths.written,
            names: HashMap::new(),
            globs: paths.globs,
        });
        for (name, path) in paths.imports {
            self.name(id, name, Meaning::Import(path));
        }
        for item in items {
            if let Item::Mod(module) = item {
                let child = self.add_child(file, id, children, module);
                self.name(id, module.ident.to_string(), Meaning::Module(child));
            } else if let Some(name) = defined(item) {
                self.name(id, name, Meaning::Item);
            }
        }
        id
    }

    fn add_child(&mut self, file: &Path, parent: Id, children: &Path, module: &ItemMod) -> Id {
        let name = module.ident.to_string();
        let below = children.join(&name);
        if let Some((_, items)) = &module.content {
            return self.add(file, Some(parent), &below, items);
        }
        if let Some(path) = path_attribute(module) {
            let path = file.parent().expect("a directory").join(path);
            let directory = path.parent().expect("a directory").to_path_buf();
            return self.read_file(&path, Some(parent), &directory);
        }
        let beside = children.join(format!("{name}.rs"));
        let inside = below.join("mod.rs");
        let path = if beside.exists() { beside } else { inside };
        self.read_file(&path, Some(parent), &below)
    }

    fn name(&mut self, module: Id, name: String, meaning: Meaning) {
        let meanings = self.modules[module].names.entry(name).or_default();
        meanings.push(meaning);
    }

    /// The modules that define what a path names as seen from a module. Nothing for what other crates define, and
    /// for a path that names a module.
    pub fn definers(&self, from: Id, path: &[String]) -> Vec<Id> {
        let mut found = vec![];
        self.walk(from, path, FARTHEST, &mut |id, is_module| {
            if !is_module {
                found.push(id);
            }
        });
        found
    }

    /// Follows a path and tells each end of it: a module that defines the item, or is what is named.
    fn walk(&self, from: Id, path: &[String], far: u32, end: &mut dyn FnMut(Id, bool)) {
        let Some((first, rest)) = path.split_first() else {
            return end(from, true);
        };
        if far == 0 {
            return;
        }
        match first.as_str() {
            "crate" | "$crate" => self.walk(0, rest, far, end),
            "self" => self.walk(from, rest, far, end),
            "super" => {
                if let Some(parent) = self.modules[from].parent {
                    self.walk(parent, rest, far, end);
                }
            }
            name => self.walk_name(from, name, rest, far, end),
        }
    }

    fn walk_name(
        &self,
        from: Id,
        name: &str,
        rest: &[String],
        far: u32,
        end: &mut dyn FnMut(Id, bool),
    ) {
        let module = &self.modules[from];
        let Some(meanings) = module.names.get(name) else {
            for glob in &module.globs {
                let path: Vec<_> = glob.iter().cloned().chain([name.to_owned()]).collect();
                // A glob of another crate begins with a name that is none of ours.
                self.walk(from, &[&path[..], rest].concat(), far - 1, end);
            }
            return;
        };
        for meaning in meanings {
            match meaning {
                Meaning::Module(module) => self.walk(*module, rest, far, end),
                // What follows is a variant, a constant or a function of the item's.
                Meaning::Item => end(from, false),
                // `use name::…` of a crate with that name.
                Meaning::Import(path) if path.first().is_some_and(|first| first == name) => {}
                Meaning::Import(path) => {
                    self.walk(from, &[&path[..], rest].concat(), far - 1, end);
                }
            }
        }
    }

    /// Whether a module is below another, or is that module.
    pub fn is_within(&self, mut module: Id, above: Id) -> bool {
        while module != above {
            match self.modules[module].parent {
                Some(parent) => module = parent,
                None => return false,
            }
        }
        true
    }
}

/// The name that an item defines in its module, unless it is a module.
fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn path_attribute(module: &ItemMod) -> Option<String> {
    module.attrs.iter().find_map(|attribute| {
        let Meta::NameValue(meta) = &attribute.meta else {
            return None;
        };
        match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(path),
                ..
            }) if meta.path.is_ident("path") => Some(path.value()),
            _ => None,
        }
    })
}
