/** Buttons that copy what a page shows. Without them one selects it oneself. */

import { all, find } from "./dom.js";
import { t } from "./texts.js";
import { toast } from "./toast.js";

for (const button of all("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", () => copy(find(button.dataset.copy)));
}

async function copy(shown) {
  try {
    await navigator.clipboard.writeText(shown.innerText.trim());
    toast(t("Copied."));
  } catch {
    getSelection().selectAllChildren(shown);
    toast(t("The browser did not allow copying. It is selected now: copy it yourself."));
  }
}
