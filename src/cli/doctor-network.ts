// Whether this server answers on its port, or another program; whether other machines can reach it; and what is in front of it.

import { createConnection } from "node:net";
import { isLoopback } from "../config/config.ts";
import { fail, ok, skip, warn, type Check, type Group, type Subject } from "./doctor-check.ts";
import { frontChecks } from "./doctor-front.ts";
import { gatewayUrl, isGateway } from "./gateway-probe.ts";
import { portOwner } from "./port-owner.ts";

export const networkChecks: Group = async (subject) => [await port(subject), exposure(subject), ...(await frontChecks(subject))];

async function port({ config, world }: Subject): Promise<Check> {
  const id = "network.port";
  if (config === null) return skip(id, "The configuration is invalid.");
  const url = gatewayUrl(config);
  if (url === null) return skip(id, "PORT is 0, so each start picks a free port.");
  if (await isGateway(url)) return ok(id, `A server is running at ${url}.`);
  if (!(await isTaken(url)))
    return ok(id, `Port ${config.port} is free: no server is running.`, { fix: "Start it with `factory-proxy serve`." });
  const owner = await portOwner(config.port, world);
  return fail(id, owner === null ? `Port ${config.port} is in use.` : `Port ${config.port} is in use by ${owner}.`, {
    why: "It is not this program, so the server can't start.",
    fix: "Stop that program, or set another PORT.",
  });
}

const CONNECT_MS = 2000;

function isTaken(url: string): Promise<boolean> {
  const { hostname, port: number } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(number || 80), timeout: CONNECT_MS });
    const settle = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", () => settle(true));
    socket.once("timeout", () => settle(false));
    socket.once("error", () => settle(false));
  });
}

function exposure({ config }: Subject): Check {
  const id = "network.open";
  if (config === null) return skip(id, "The configuration is invalid.");
  const { host } = config;
  if (isLoopback(host)) return ok(id, `Only this machine can reach the server (HOST is ${host}).`);
  return warn(id, `Other machines can reach the server (HOST is ${host}).`, {
    why: "They use plain HTTP, so keys and prompts can be read on the way.",
    fix: "If you do not intend this, set HOST=127.0.0.1. Otherwise put a reverse proxy with TLS in front, and check it with --url.",
  });
}
