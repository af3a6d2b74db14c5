# The executable is built with the pinned Bun, then stands alone on a base that has the C library, certificates and time zones.
FROM --platform=$BUILDPLATFORM oven/bun:1.4.5 AS build
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY src src
ARG TARGETARCH
RUN bun run build --target=bun-linux-$(case "$TARGETARCH" in arm64) echo arm64 ;; *) echo x64 ;; esac) && mkdir data

FROM gcr.io/distroless/base-nossl-debian12
COPY --from=build /app/dist/factory-proxy /usr/local/bin/factory-proxy
# A volume takes over who owns the folder below it.
COPY --from=build --chown=65532:65532 /app/data /data
USER 65532:65532
# `.env`, when there is one, is read from here.
WORKDIR /etc/factory-proxy
# The program refuses to listen for others without PROXY_API_KEY: docker run -e PROXY_API_KEY=... -e FACTORY_API_KEY=...
ENV HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["factory-proxy", "health"]
ENTRYPOINT ["factory-proxy"]
