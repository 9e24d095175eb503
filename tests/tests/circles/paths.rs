//! The paths in a module's code, as they are written.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Item, ItemUse, Macro, Path, UseTree, Visibility,
    visit::{self, Visit},
};

/// A path, and where it stands.
pub struct Written {
    pub path: Vec<String>,
    pub line: usize,
    /// Whether it is a re-export.
    pub exported: bool,
}

/// The paths of one module, without those of modules written out inside of it.
#[derive(Default)]
pub struct Paths {
    pub written: Vec<Written>,
    /// What is imported by which name, also inside of functions.
    pub imports: Vec<(String, Vec<String>)>,
    /// What all names are imported of.
    pub globs: Vec<Vec<String>>,
}

impl Paths {
    pub fn of(items: &[Item]) -> Self {
        let mut paths = Self::default();
        items
            .iter()
            .filter(|item| !matches!(item, Item::Mod(_)))
            .for_each(|item| paths.visit_item(item));
        paths
    }

    fn write(&mut self, path: Vec<String>, line: usize) {
        if !path.is_empty() {
            self.written.push(Written {
                path,
                line,
                exported: false,
            });
        }
    }

    /// Takes a `use` apart.
    fn import(&mut self, tree: &UseTree, above: &[String], exported: bool) {
        let below = |ident: &syn::Ident| [above, &[ident.to_string()]].concat();
        let (ident, name) = match tree {
            UseTree::Path(tree) => return self.import(&tree.tree, &below(&tree.ident), exported),
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.import(tree, above, exported));
            }
            UseTree::Glob(_) => return self.globs.push(above.to_vec()),
            UseTree::Name(tree) => (&tree.ident, None),
            UseTree::Rename(tree) => (&tree.ident, Some(tree.rename.to_string())),
        };
        // `use module::{self, …}`
        let path = match above {
            [_, ..] if ident == "self" => above.to_vec(),
            _ => below(ident),
        };
        let name = name.unwrap_or_else(|| path.last().expect("a name").clone());
        self.imports.push((name, path.clone()));
        self.written.push(Written {
            path,
            line: ident.span().start().line,
            exported,
        });
    }

    /// The paths in a macro's arguments: names with `::` between them.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut line, mut colons) = (vec![], 0, 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.write(std::mem::take(&mut path), line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                token => {
                    self.write(std::mem::take(&mut path), line);
                    colons = 0;
                    if let TokenTree::Group(group) = token {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.write(path, line);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let exported = !matches!(item.vis, Visibility::Inherited);
        self.import(&item.tree, &[], exported);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let line = path.segments[0].ident.span().start().line;
            let names = path.segments.iter();
            self.write(names.map(|name| name.ident.to_string()).collect(), line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, it: &'ast Macro) {
        self.tokens(it.tokens.clone());
        visit::visit_macro(self, it);
    }
}
