// Only clips that can be seen play: a hundred at once would stall the browser.
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) target.play().catch(() => { target.controls = true; });
    else target.pause();
  }
}, { threshold: 0.25 });
for (const clip of document.querySelectorAll("video")) watcher.observe(clip);
