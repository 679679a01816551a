import { dismiss, notices } from "./notices.js";
import { useStore } from "./store.js";

export function Notices() {
  const shown = useStore(notices);
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown.map(({ id, text, kind }) => (
        <p key={id} class={`notice ${kind}`}>
          {text}
          <button type="button" class="close" aria-label="Dismiss" onClick={() => dismiss(id)}>×</button>
        </p>
      ))}
    </div>
  );
}
