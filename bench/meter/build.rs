//! Link arguments of the meter.

fn main() {
    // A proxy listener or a thread-local destructor may outlive the loader's `dlclose`: the library
    // stays mapped until the process ends.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
