// Search runs in a Worker, which browsers refuse to a page that is read from the disk. There, and only there, a hidden
// frame stands in for it: it loads the same script, and messages go to and fro as they would.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.frame.srcdoc = `<script>
        window.postMessage = data => parent.dispatchEvent(new CustomEvent("${url}", {detail: data}))
        window.importScripts = (...urls) => urls.reduce((before, each) => before.then(() => new Promise(done => {
          const script = document.createElement("script")
          script.src = each
          script.onload = done
          document.body.append(script)
        })), Promise.resolve())
      </script><script src="${url}"></script>`
      this.frame.onload = () => {
        this.ready = true
        this.waiting.splice(0).forEach(data => this.postMessage(data))
      }
      addEventListener(url, event => {
        const message = new MessageEvent("message", {data: event.detail})
        this.dispatchEvent(message)
        if (this.onmessage) this.onmessage(message)
      })
      document.body.append(this.frame)
    }
    postMessage(data) {
      if (!this.ready) return this.waiting.push(data)
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", {data}))
    }
    terminate() {
      this.frame.remove()
    }
  }
}
