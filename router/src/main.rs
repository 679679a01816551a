//! `agora`: one federated GraphQL API over five systems.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    agora::cli::main()
}
