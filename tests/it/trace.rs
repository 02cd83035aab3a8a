//! One trace through four services, as a real OTLP collector receives it.

use std::collections::BTreeSet;

use tally_testkit::eventually;
use tally_testkit::otlp::Receiver;

use crate::journey::main_job;
use crate::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn publishing_a_cycle_is_one_trace_from_performance_over_talent_to_identity_and_attendance() {
    let sink = Receiver::start().await;
    let mut stack = Stack::five_processes(Some(&sink.endpoint())).await;
    let done = main_job(&stack).await;
    let person_id = done.outcome.cards.first().expect("a card").1.person_id.clone();
    crate::journey::talent_heard(&done, &person_id).await;
    stack.stop().await;
    let wanted: BTreeSet<&str> = ["performance", "talent", "identity", "attendance"].into();
    let seen = eventually("the whole trace", async || {
        let spans = sink.spans();
        let publish =
            spans.iter().find(|s| s.name.ends_with("CycleService/PublishCycle") && s.process == "performance")?;
        let of_it = spans.iter().filter(|span| span.trace_id == publish.trace_id);
        let seen: BTreeSet<String> = of_it.map(|span| span.process.clone()).collect();
        wanted.iter().all(|service| seen.contains(*service)).then_some(seen)
    })
    .await;
    assert!(seen.len() >= 4, "{seen:?}");
}
