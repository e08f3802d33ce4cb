//! Compiles the `.proto` files of this folder, without `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

/// The folders that hold `.proto` files. Imports in them are relative to this crate's folder.
const FOLDERS: [&str; 2] = ["balsa", "etcd"];

/// The package whose services speak between nodes: their messages travel sealed.
#[cfg(feature = "grpc")]
const SEALED: &str = "balsa.raft.v1";

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(Path::new(folder), &mut files)?;
    }
    files.sort();

    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    generate(descriptors)?;
    Ok(())
}

/// How all messages are generated.
fn config() -> prost_build::Config {
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    config
}

/// Finds the `.proto` files under a folder. Cargo is told of the folders too, so
/// that a new file is noticed.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(feature = "grpc")]
fn generate(descriptors: prost_types::FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    let (sealed, plain) = descriptors.file.into_iter().partition(|file| file.package() == SEALED);
    let set = |file| prost_types::FileDescriptorSet { file };
    tonic_prost_build::configure().compile_fds_with_config(set(plain), config())?;
    tonic_prost_build::configure()
        .codec_path("crate::SealedCodec")
        .compile_fds_with_config(set(sealed), config())?;
    Ok(())
}

#[cfg(not(feature = "grpc"))]
fn generate(descriptors: prost_types::FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    config().compile_fds(descriptors)?;
    Ok(())
}
