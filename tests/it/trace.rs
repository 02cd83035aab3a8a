//! Traces as a real OTLP collector receives them: one through four services, the background work in the trace of the call that
//! asked for it, and none of looking whether there is something to do.

use std::collections::{BTreeMap, BTreeSet};

use tally_testkit::eventually;
use tally_testkit::otlp::{Receiver, Span};

use crate::journey::main_job;
use crate::stack::Stack;

/// OTLP's number of a span of background work.
const CONSUMER: i32 = 5;

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
        let seen: BTreeSet<String> =
            trace_of(&sink, "CycleService/PublishCycle")?.into_iter().map(|span| span.process).collect();
        wanted.iter().all(|service| seen.contains(*service)).then_some(seen)
    })
    .await;
    assert!(seen.len() >= 4, "{seen:?}");
    closing_is_one_tree(&trace_of(&sink, "CycleService/CloseCycle").expect("the trace of closing"));
    nothing_was_looked_for(&sink.spans());
}

/// All spans of the trace that a call of performance began.
fn trace_of(sink: &Receiver, method: &str) -> Option<Vec<Span>> {
    let spans = sink.spans();
    let call = spans.iter().find(|s| s.name.ends_with(method) && s.process == "performance")?.clone();
    Some(spans.into_iter().filter(|span| span.trace_id == call.trace_id).collect())
}

/// Items, transactions and computations stand below the call that asked for them, and tell numbers only.
fn closing_is_one_tree(spans: &[Span]) {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    let roots: Vec<_> = spans.iter().filter(|span| !by_id.contains_key(span.parent_id.as_str())).collect();
    assert_eq!(roots.len(), 1, "one root: {roots:#?}");
    assert!(roots[0].name.ends_with("CycleService/CloseCycle"), "{roots:#?}");
    let above = |span: &Span| {
        let up = std::iter::successors(Some(span), |span| by_id.get(span.parent_id.as_str()).copied());
        up.skip(1).find(|span| span.kind == CONSUMER).map(|span| span.attribute("work.kind").to_owned())
    };

    let items: Vec<_> = spans.iter().filter(|span| span.kind == CONSUMER && span.name == "closing").collect();
    let kinds: BTreeSet<&str> = items.iter().map(|item| item.attribute("work.kind")).collect();
    assert!(["collect", "attribute", "score"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    for item in items {
        assert_eq!(item.attribute("work.attempt"), "1", "{item:?}");
        assert!(item.attribute("work.waited_ms").parse::<u64>().is_ok(), "{item:?}");
    }
    for (kind, of) in [("attribution", "attribute"), ("scoring", "score")] {
        let found = spans.iter().find(|span| span.name == "compute" && span.attribute("compute.kind") == kind);
        let found = found.unwrap_or_else(|| panic!("no computation of {kind} in {spans:#?}"));
        assert!(found.attribute("compute.threads").parse::<u64>().is_ok_and(|n| n > 0), "{found:?}");
        assert!(found.attribute("compute.waited_ms").parse::<u64>().is_ok(), "{found:?}");
        assert_eq!(above(found).as_deref(), Some(of), "{found:?}");
    }
    let written: Vec<_> = spans.iter().filter(|span| span.name == "unit of work").collect();
    assert!(written.iter().any(|unit| above(unit).as_deref() == Some("attribute")), "{written:#?}");
    let rows = |span: &&&Span| span.attribute("db.rows").parse::<u64>().is_ok_and(|rows| rows > 0);
    let kept = written.iter().find(|unit| unit.attribute("db.committed") == "true" && rows(unit));
    let kept = kept.unwrap_or_else(|| panic!("no unit that wrote rows in {written:#?}"));
    assert_eq!(kept.attribute("service.name"), "performance");
    assert!(kept.attribute("rpc.method").starts_with("tally.performance.v1."), "{kept:?}");
    // In attendance, two calls below the item.
    let read = spans.iter().find(|span| span.name == "read transaction" && span.process == "attendance");
    assert_eq!(read.and_then(above).as_deref(), Some("collect"));
}

/// Neither side of looking for events exported anything.
fn nothing_was_looked_for(spans: &[Span]) {
    let looked: Vec<_> = spans.iter().filter(|s| s.name.contains("ReadEvents") || s.name == "looking").collect();
    assert!(looked.is_empty(), "{looked:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_suite_exports_no_span_of_looking_for_events() {
    let sink = Receiver::start().await;
    let mut stack = Stack::five_processes(Some(&sink.endpoint())).await;
    // Metrics count every look: each of four followers of identity and talent's of performance, and again.
    let looks = |service: &str| {
        let points = sink.points().into_iter();
        let of = points.filter(|point| point.name == "rpc.server.call.duration");
        let of = of.filter(|p| p.attributes.get("rpc.method").is_some_and(|method| method.ends_with("/ReadEvents")));
        let of = of.filter(|point| point.attributes.get("service.name").is_some_and(|name| name == service));
        of.map(|point| point.count).max().unwrap_or(0)
    };
    eventually("every follower looked more than once", async || {
        (looks("identity") >= 8 && looks("performance") >= 2).then_some(())
    })
    .await;
    let before = sink.spans();
    nothing_was_looked_for(&before);
    assert_eq!(before, [], "nobody called, so nothing was traced");
    // And what somebody calls is.
    let unknown = tally_suite::session::Session::sign_in(&stack.channels, "nobody", "no password").await;
    assert!(unknown.is_err());
    stack.stop().await;
    eventually("the call's span", async || sink.spans().into_iter().find(|s| s.name.ends_with("SignIn"))).await;
    nothing_was_looked_for(&sink.spans());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_cycle_reaches_talent_when_the_bell_is_lost() {
    let mut stack = Stack::five_processes(None).await;
    drop(stack.redis.take());
    let done = main_job(&stack).await;
    let person_id = done.outcome.cards.first().expect("a card").1.person_id.clone();
    crate::journey::talent_heard(&done, &person_id).await;
    stack.stop().await;
}
