# One image for every deployment; its arguments say which service it is.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --profile dist --locked -p tally

FROM debian:bookworm-slim
# A volume mounted here takes over its owner: the services make their keys in it.
RUN install -d -o 65532 -g 65532 -m 700 /keys
USER 65532:65532
COPY --from=build /src/target/dist/tally /usr/local/bin/tally
ENTRYPOINT ["/usr/local/bin/tally"]
