# Idlewatt without a display, as a container (docs/servers.md). The agent is plain Node; Electron isn't in the image.
FROM node:24.21.0-trixie-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /idlewatt
COPY package.json package-lock.json ./
RUN npm install --global npm@11 && npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24.21.0-trixie-slim
# The engine loads its Vulkan back end with it.
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 && rm -rf /var/lib/apt/lists/*
WORKDIR /idlewatt
COPY --from=build /idlewatt/package.json ./
COPY --from=build /idlewatt/node_modules ./node_modules
COPY --from=build /idlewatt/dist/agent ./dist/agent
COPY --from=build /idlewatt/dist/renderer ./dist/renderer
RUN mkdir --mode=0700 /data && chown node:node /data
USER node
VOLUME /data
ENV MALLOC_ARENA_MAX=2
ENTRYPOINT ["node", "--disable-sigusr1", "--max-semi-space-size=4", "dist/agent/main/agent-main.js"]
CMD ["--headless", "--home", "/data"]
