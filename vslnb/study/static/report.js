// The report reads without this script; with it, code folds at once and the contents say where the reader is.

const wide = matchMedia("(min-width: 64rem)");
const contents = document.querySelector(".contents > details");
const fit = () => { contents.open = wide.matches; };
wide.addEventListener("change", fit);
fit();

const tools = document.querySelector(".tools");
tools.hidden = false;
tools.addEventListener("click", (event) => {
  if (!event.target.matches("[data-fold]")) return;
  document.querySelectorAll("details.code").forEach((one) => { one.open = Boolean(event.target.dataset.fold); });
});

contents.addEventListener("click", (event) => {
  if (event.target.matches("a") && !wide.matches) contents.open = false;
});
const links = [...contents.querySelectorAll(":scope > ol > li > a")];
const seen = new IntersectionObserver((entries) => {
  for (const { target } of entries.filter((one) => one.isIntersecting)) {
    links.forEach((link) => link.classList.toggle("here", link.hash === `#${target.id}`));
  }
}, { rootMargin: "-10% 0px -80% 0px" });
document.querySelectorAll("main > section").forEach((section) => seen.observe(section));
