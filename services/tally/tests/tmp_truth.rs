//! temporary measurement
use tally_suite::{bundle::*, close::*, progress::Progress, sample::*, show};
#[tokio::test]
async fn measure() {
    for (records, off) in [(20_000, false), (20_000, true)] {
        let dir = tempfile::tempdir().unwrap();
        let made = sample(7, records, Lang::En);
        made.write_bundle(&dir.path().join("b")).unwrap();
        let mut reading = read_bundle(&dir.path().join("b"), Options::default(), &mut |_, _| {}).unwrap();
        if off { reading.bundle.policy.inference = Inference::Off; }
        let out = dir.path().join("r");
        std::fs::create_dir_all(&out).unwrap();
        let home = Home::start(&Place::Folder(dir.path().join("d")), &reading.bundle, clock_of(&reading.bundle).unwrap(), &secret(), None).await.unwrap();
        let progress = Progress::new(true);
        let outcome = close(&home.crew, Job { reading: &reading, rejected_before: Rejections::new(), out: out.clone(), progress: &progress }).await.unwrap();
        let t = show::truth(&reading.bundle, &outcome.totals, &out, |id| made.served_by(id)).unwrap();
        println!("off={off} {t:?}");
        for (i, a) in reading.bundle.accounts.iter().enumerate() {
            println!("{} {:?}", a.name, a.phases.iter().map(|p| p.kind).collect::<Vec<_>>()); let _ = i;
        }
        home.stop().await.unwrap();
    }
}
