
const data = JSON.parse(document.getElementById('data').textContent);
const tip = document.getElementById('tip'), line = document.getElementById('line'), parts = tip.children;
for (const svg of document.querySelectorAll('svg[data-step]')) {
  svg.addEventListener('mousemove', event => {
    const box = svg.getBoundingClientRect(), n = data.commits.length;
    const at = Math.min(n - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * n)));
    const [head, subject, executed] = data.commits[at];
    const why = svg.dataset.step === 'all' ? `${executed} steps executed`
      : (data.causes[svg.dataset.step] || {})[at] || (at === 0 ? 'first build' : '');
    [head, subject, why].forEach((text, part) => { parts[part].textContent = text; });
    tip.style.display = line.style.display = 'block';
    const left = event.clientX + 16 + tip.offsetWidth > innerWidth ? event.clientX - 16 - tip.offsetWidth : event.clientX + 16;
    tip.style.left = Math.max(4, left) + 'px';
    tip.style.top = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 6) + 'px';
    line.style.left = box.left + (at + .5) / n * box.width + 'px';
  });
  svg.addEventListener('mouseleave', () => { tip.style.display = line.style.display = 'none'; });
}
