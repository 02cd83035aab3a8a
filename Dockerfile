# One image for every deployment; its arguments say which service it is.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --profile dist --locked -p tally

FROM debian:bookworm-slim
USER 65532
COPY --from=build /src/target/dist/tally /usr/local/bin/tally
ENTRYPOINT ["/usr/local/bin/tally"]
