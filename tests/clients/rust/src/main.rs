//! Calls of the crate connectrpc, messages as hexadecimal bytes. A line for each answer, and then the code of the status, its message and what its
//! first detail is:
//! `PROTOCOL HTTP HOST:PORT TOKEN one|get|out|in SERVICE/METHOD QUESTION..`

mod raw;

use connectrpc::client::{
    CallOptions, ClientConfig, HttpClient, call_client_stream, call_server_stream, call_unary, call_unary_get,
};
use connectrpc::{ConnectError, Protocol, Spec, StreamType};
use futures::stream;
use raw::{Raw, RawView};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [protocol, http, address, token, kind, method, questions @ ..] = args.as_slice() else { panic!("{args:?}") };
    let protocol = match protocol.as_str() {
        "connect" => Protocol::Connect,
        "grpc" => Protocol::Grpc,
        _ => Protocol::GrpcWeb,
    };
    let way = if http == "1.1" { HttpClient::plaintext() } else { HttpClient::plaintext_http2_only() };
    let config = ClientConfig::new(format!("http://{address}").parse().expect("an address")).with_protocol(protocol);
    let config =
        if token.is_empty() { config } else { config.with_default_header("authorization", format!("Bearer {token}")) };
    let questions: Vec<Raw> = questions.iter().map(|hex| Raw(bytes(hex))).collect();
    // A program that calls once leaks one name.
    let name: &'static str = format!("/{method}").leak();
    match ask(&way, &config, (kind, name), questions).await {
        Ok(()) => println!("0 "),
        Err(error) => {
            let detail = error.details.first().map_or("", |detail| detail.type_url.as_str());
            println!("{} {} {detail}", error.code.grpc_code(), error.message.unwrap_or_default());
        }
    }
}

async fn ask(
    way: &HttpClient,
    config: &ClientConfig,
    (kind, name): (&str, &'static str),
    questions: Vec<Raw>,
) -> Result<(), ConnectError> {
    let spec = |streams| Spec::client(name, streams);
    let plain = CallOptions::default();
    let first = questions.first().cloned().unwrap_or_default();
    let answer = match kind {
        "out" => {
            let streams = spec(StreamType::ServerStream);
            let mut answers = call_server_stream::<_, _, RawView<'static>>(way, config, streams, first, plain).await?;
            while let Some(answer) = answers.message().await? {
                println!("{}", hex(answer.bytes()));
            }
            return Ok(());
        }
        "in" => {
            let (streams, questions) = (spec(StreamType::ClientStream), stream::iter(questions));
            call_client_stream::<_, _, RawView<'static>>(way, config, streams, questions, plain).await?
        }
        "get" => call_unary_get::<_, _, RawView<'static>>(way, config, spec(StreamType::Unary), first, plain).await?,
        _ => call_unary::<_, _, RawView<'static>>(way, config, spec(StreamType::Unary), first, plain).await?,
    };
    println!("{}", hex(&answer.into_owned().0));
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}
