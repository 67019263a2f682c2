// Preloaded with `node --import`: whatever the program listens on, it listens on loopback, and says where on stderr.
import net from "node:net";

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
    const options = typeof args[0] === "object" ? args[0] : { port: Number(args[0]) };
    const listening = args.find((arg) => typeof arg === "function");
    this.once("listening", () => {
        process.stderr.write(`listening on http://127.0.0.1:${this.address().port}/mcp\n`);
    });
    return listen.call(this, { ...options, host: "127.0.0.1" }, listening);
};
