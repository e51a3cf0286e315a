// A file of its own, not Gradio's `js=`, which would need a Content-Security-Policy with 'unsafe-eval'.

// The heat is a layer over the film: moving the slider takes effect at once, without a request to the server.
document.addEventListener("input", (event) => {
  if (event.target.closest("#cxr-opacity"))
    document.documentElement.style.setProperty("--cxr-opacity", event.target.value / 100);
});

// On a phone the prediction is below the films to try.
new MutationObserver((changes) => {
  const shown = document.getElementById("cxr-shown");
  if (!shown?.querySelector(".cxr-prediction, .cxr-error")) return;
  if (!changes.some((change) => shown.contains(change.target))) return;
  if (shown.getBoundingClientRect().top > innerHeight / 3) shown.scrollIntoView({ behavior: "smooth" });
}).observe(document, { childList: true, subtree: true });
