import "./app.css";
import { mount } from "svelte";
import App from "./shell/App.svelte";
import { publish } from "./player/diagnostics";

publish();
const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
mount(App, { target });
