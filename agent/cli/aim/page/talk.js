// Requests to the gateway. The token came behind the # and goes in a header; it stays in this tab.

import { T } from "./texts.js";

const KEY = "polegate-token";
export class Trouble extends Error {
  constructor(status, body) {
    super(body.message || "");
    this.status = status;
    this.body = body;
  }
}

export function takeToken() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY) || "";
}

async function post(path, body, waitMs) {
  const ended = AbortSignal.timeout(waitMs);
  let answer;
  try {
    answer = await fetch(`/api/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Polegate-Token": sessionStorage.getItem(KEY) || "" },
      body: JSON.stringify(body),
      signal: ended,
      cache: "no-store",
    });
  } catch {
    throw new Trouble(0, { message: T.noServer });
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Trouble(answer.status, told);
}

export async function ask(path, body = {}) {
  return (await post(path, body, 30000)).json();
}

// A picture with its meters; `bytes` and `seconds` tell how fast the link is, without the camera's time.
export async function picture(asked) {
  const began = performance.now();
  try {
    const answer = await post("picture", asked, 60000);
    const meters = JSON.parse(answer.headers.get("X-Polegate-Meters"));
    const blob = await answer.blob();
    const image = await createImageBitmap(blob);
    const seconds = Math.max(0.001, (performance.now() - began) / 1000 - meters.took_s);
    return { image, meters, bytes: blob.size, seconds };
  } catch (trouble) {
    if (trouble instanceof Trouble) throw trouble;
    throw new Trouble(0, { message: T.noServer });
  }
}
