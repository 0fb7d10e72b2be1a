//! The `dhow` program.

fn main() -> ! {
    dhow::main()
}
