# The executable is built with the pinned Bun, then stands alone on a base that has the C library and a shell.
FROM oven/bun:1.4.5 AS build
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY src src
RUN bun run build

FROM debian:stable-slim
COPY --from=build /app/dist/factory-proxy /usr/local/bin/factory-proxy
# A volume takes over who owns the folder below it.
RUN mkdir /data && chown 65532:65532 /data
USER 65532:65532
# `.env`, when there is one, is read from here.
WORKDIR /etc/factory-proxy
# The program refuses to listen for others without a client key: docker run -e PROXY_API_KEY=... -e FACTORY_API_KEY=...
ENV HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
VOLUME /data
EXPOSE 8000
# There is no curl in the image; the executable is Bun as well, and asks itself.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD BUN_BE_BUN=1 factory-proxy -e "const { ok } = await fetch('http://127.0.0.1:' + process.env.PORT + '/health'); process.exit(ok ? 0 : 1)"
ENTRYPOINT ["factory-proxy"]
