/** One try to bring a file into a room: with progress, and with a way to stop it. The protocol, and no DOM. */

/**
 * @param {object} given
 * @param {import("../client/access.js").Access} given.access
 * @param {string} given.roomId
 * @param {File} given.file
 * @param {string} given.clientId makes it at most one file and one message, however often it is tried
 * @param {(loaded: number, total: number) => void} given.onProgress
 * @param {AbortSignal} given.signal
 * @param {() => XMLHttpRequest} [given.newRequest] fetch() tells no progress of what goes up
 * @returns {Promise<{ok: boolean, body?: any, error?: {code: string, message: string, retry_after?: number}}>}
 */
export async function upload({ newRequest = () => new XMLHttpRequest(), ...given }) {
  let answer = await attempt(newRequest(), given);
  if (answer.status === 401) {
    given.access.forget();
    answer = await attempt(newRequest(), given);
  }
  return answer;
}

async function attempt(request, { access, roomId, file, clientId, onProgress, signal }) {
  let token;
  try {
    token = await access.token();
  } catch {
    return noAnswer();
  }
  if (signal.aborted) return stopped();
  return new Promise((resolve) => {
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", `/api/chat/${roomId}/files/?send=true&client_id=${encodeURIComponent(clientId)}`);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded, total));
    request.addEventListener("load", () => resolve(read(request)));
    request.addEventListener("error", () => resolve(noAnswer()));
    request.addEventListener("abort", () => resolve(stopped()));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

function read({ status, response }) {
  if (status >= 200 && status < 300) return { ok: true, status, body: response };
  if (!response?.code) return { ...noAnswer(), status }; // a proxy's own page
  const { code, detail, retry_after } = response;
  return { ok: false, status, error: { code, message: detail, retry_after } };
}

const noAnswer = () => ({ ok: false, status: 0, error: { code: "no_answer", message: "No answer." } });
const stopped = () => ({ ok: false, status: 0, error: { code: "stopped", message: "Stopped." } });
