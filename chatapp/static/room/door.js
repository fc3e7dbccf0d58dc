/** The faces of the room for who is not inside: asking, waiting, turned away, removed. */

import { all, find, say } from "../view/dom.js";
import { refusal } from "../view/said.js";

export class Door {
  #client;
  #root;
  #removal = null;

  /** @param {import("../client/client.js").RoomClient} client @param {HTMLElement} root */
  constructor(client, root) {
    this.#client = client;
    this.#root = root;
    client.on("inside", () => this.show("inside"));
    client.on("outside", (standing) => this.#outside(standing));
    client.on("told", (item) => this.#told(item));
    client.on("state", (state) => state === "stopped" && this.show(root.dataset.stage));
    for (const form of all("[data-action=ask]", root)) form.addEventListener("submit", (event) => this.#ask(event));
    for (const form of all("[data-action=withdraw]", root)) form.addEventListener("submit", (event) => this.#withdraw(event));
  }

  /** @param {string} stage */
  show(stage) {
    if (this.#root.dataset.stage === stage) return;
    this.#root.dataset.stage = stage;
    for (const face of all("[data-face]", this.#root)) face.hidden = face.dataset.face !== stage;
    if (stage !== "inside") this.#look();
    requestAnimationFrame(() => this.#land()); // by then the others who heard the same have shown their parts
  }

  /** How one comes in may be another since the page was made, and who is outside is not told. */
  async #look() {
    const { ok, body: room } = await this.#client.rest("GET");
    if (!ok) return;
    const way = room.status === "closed" ? "ended" : room.admission;
    for (const part of all("[data-way]", this.#root)) part.hidden = !part.dataset.way.split(" ").includes(way);
  }

  #land() {
    const writes = this.#root.dataset.stage === "inside" && !find("#composer").hidden && !matchMedia("(pointer: coarse)").matches;
    find(writes ? "#text" : "#main").focus({ preventScroll: true });
  }

  #outside({ wasInside, isPending, request, left }) {
    const { stage } = this.#root.dataset;
    if (left) return this.show("left");
    if (isPending || request?.status === "pending") return this.show("waiting");
    // The page of who was taken out while it came up still says that they are inside.
    if (wasInside || stage === "inside" || stage === "gone") return this.#gone();
    if (request?.status === "expired" && stage === "waiting") return this.show("ended");
    if (request?.status === "denied") {
      this.#reason("denied", request.reason);
      return this.show("denied");
    }
    if (stage !== "ended" && stage !== "banned") this.show("door");
  }

  #told({ kind, data }) {
    if (kind !== "participant_removed") return;
    this.#removal = data;
    if (["gone", "banned"].includes(this.#root.dataset.stage)) this.#gone();
  }

  #gone() {
    const { reason = "", banned = false } = this.#removal ?? {};
    const face = banned ? "banned" : "gone";
    this.#reason(face, reason);
    this.show(face);
  }

  #reason(face, text) {
    say(find(`[data-face="${face}"] [data-reason]`, this.#root), text ?? "");
  }

  async #ask(event) {
    const form = event.target;
    event.preventDefault();
    const note = new FormData(form).get("note") || null;
    const answer = await this.#client.command("join_request_create", { note });
    if (!answer.ok && answer.error.code === "no_answer") return form.submit(); // the form itself needs no connection
    say(find("[data-fault]", form), answer.ok ? "" : refusal(answer.error));
    if (!answer.ok) return this.#look();
    form.reset();
    this.#removal = null;
    this.#client.comeBack();
  }

  async #withdraw(event) {
    event.preventDefault();
    const answer = await this.#client.command("join_request_withdraw");
    if (!answer.ok && answer.error.code === "no_answer") return event.target.submit();
    this.#client.enter();
  }
}
