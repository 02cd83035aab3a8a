//! `tally keys`: the keys of what is sealed, changed from the machine that holds them, while the services work.

use std::time::{Duration, Instant};

use anyhow::Result;
use tally_kernel::{Rng, msg};
use tally_runtime::{Config, passphrase_in, stop_signal};
use tally_store::{KeyMove, Keys, Store};

use super::settings::{dumped, load};
use crate::cli::{self, DONE, FAILED, KeysCommand, MakeKeys, Protect, Rotate, RotatedKeys};
use crate::print;
use crate::said::{Said, here, wrong_file};
use crate::suite::{SERVICES, key_folder, seal_key, signers, store_config};

const SHORTEST_PASSPHRASE: usize = 12;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Does what was asked.
pub async fn keys(args: cli::Keys) -> Result<u8> {
    match args.what {
        KeysCommand::Make(args) => make(&args),
        KeysCommand::Protect(args) => protect(args),
        KeysCommand::Rotate(args) => rotate(args).await,
        KeysCommand::RotateSigning(args) => super::signing_keys::rotate(args),
    }
}

/// What the first start of every service would make, in one place.
fn make(args: &MakeKeys) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let folder = key_folder(&config);
    // Makes the folder too.
    for name in signers() {
        tally_identity::open_or_create(&folder, name, &Rng::System)?;
    }
    Keys::open_or_init(&seal_key(&config), config.passphrase()?.as_deref())?;
    print::line(here(&msg!("KEYS_MADE", folder = folder.display())));
    Ok(DONE)
}

fn protect(args: Protect) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let keys = opened(&config)?;
    let passphrase = match &args.new_passphrase_file {
        Some(file) => passphrase_in(file).map_err(|why| wrong_file("--new-passphrase-file", why))?,
        None => super::init::line(&msg!("ASK_NEW_PASSPHRASE"))?,
    };
    if passphrase.chars().count() < SHORTEST_PASSPHRASE {
        return Err(Said(msg!("PASSPHRASE_TOO_SHORT", least = SHORTEST_PASSPHRASE)).into());
    }
    keys.protect(&passphrase)?;
    print::line(here(&msg!("KEYS_PROTECTED", file = seal_key(&config).display())));
    print::line(here(&msg!("KEYS_PROTECTED_NEXT")));
    Ok(DONE)
}

async fn rotate(args: Rotate) -> Result<u8> {
    let config = load(&args.settings, Vec::new())?;
    if dumped(&args.settings, &config)? {
        return Ok(DONE);
    }
    let keys = opened(&config)?;
    let mut stores = Vec::new();
    for part in SERVICES.iter().filter(|part| config.server.services.iter().any(|name| name == part.name)) {
        stores.push(Store::open(store_config(&config, part.name, &keys)?, part.migrations).await?);
    }
    let work = async {
        if args.what != Some(RotatedKeys::Data) {
            add_master(&config, &keys, &stores).await?;
        }
        if matches!(args.what, None | Some(RotatedKeys::Master)) {
            for store in &stores {
                let wrapped = store.rewrap_keys().await?;
                print::line(here(&msg!("KEYS_WRAPPED", service = store.service(), count = wrapped)));
            }
        }
        if matches!(args.what, None | Some(RotatedKeys::Data)) {
            for store in &stores {
                data(store).await?;
            }
        }
        Ok(DONE)
    };
    tokio::select! {
        done = work => done,
        () = stop_signal() => {
            print::note(here(&msg!("KEYS_STOPPED")));
            Ok(FAILED)
        }
    }
}

fn opened(config: &Config) -> Result<Keys> {
    Ok(Keys::open(&seal_key(config), config.passphrase()?.as_deref())?)
}

/// A new master key, unless an earlier one has not reached every data key.
async fn add_master(config: &Config, keys: &Keys, stores: &[Store]) -> Result<()> {
    let mut behind = 0;
    for store in stores {
        behind += store.keys_behind().await?;
    }
    if behind == 0 {
        let id = keys.add_master()?;
        print::line(here(&msg!("MASTER_KEY_ADDED", id, file = seal_key(config).display())));
    } else {
        print::line(here(&msg!("MASTER_KEY_KEPT", count = behind)));
    }
    Ok(())
}

/// New data keys, and every row sealed anew.
async fn data(store: &Store) -> Result<()> {
    let (began, mut told) = (Instant::now(), Instant::now());
    let progress = |step: KeyMove| {
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let (service, table, column, rows) = (store.service(), step.table, step.column, step.rows);
            print::note(here(&msg!("KEYS_STEP", service, table, column, rows)));
        }
    };
    let rotated = store.rotate_data_keys(progress).await?;
    let seconds = began.elapsed().as_millis().max(1);
    let speed = u128::from(rotated.rows) * 1000 / seconds;
    let (service, keys, rows) = (store.service(), rotated.keys, rotated.rows);
    let said = match rotated.resumed {
        true => msg!("KEYS_REPLACED_RESUMED", service, keys, rows, speed),
        false => msg!("KEYS_REPLACED", service, keys, rows, speed),
    };
    print::line(here(&said));
    Ok(())
}
