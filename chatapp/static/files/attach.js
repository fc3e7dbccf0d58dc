/** The ways a file comes to this page: chosen, photographed, dropped, pasted. */

import { all, find } from "../view/dom.js";

export class Attach {
  #add;
  #area = find(".talk");
  #drop = find("#drop");
  #form = find("#composer");

  /** @param {(files: File[]) => void} add */
  constructor(add) {
    this.#add = add;
    for (const input of all("input[type=file]", this.#form)) input.addEventListener("change", () => this.#chosen(input));
    for (const button of all("[data-choose]", this.#form)) button.addEventListener("click", () => find(button.dataset.choose).click());
    find("#text").addEventListener("paste", (event) => this.#pasted(event));
    this.#area.addEventListener("dragenter", (event) => this.#over(event));
    this.#area.addEventListener("dragover", (event) => this.#over(event));
    this.#area.addEventListener("dragleave", (event) => this.#area.contains(event.relatedTarget) || this.#show(false));
    this.#area.addEventListener("drop", (event) => this.#dropped(event));
  }

  #chosen(input) {
    this.#take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
    find("#text").focus();
  }

  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.#take(files);
  }

  #over(event) {
    if (this.#form.hidden || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.#show(true);
  }

  #dropped(event) {
    this.#show(false);
    if (this.#form.hidden || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    this.#take([...event.dataTransfer.files]);
  }

  #take(files) {
    if (files.length && !this.#form.hidden) this.#add(files);
  }

  #show(shown) {
    this.#drop.hidden = !shown;
  }
}
