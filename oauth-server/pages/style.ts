import { createHash } from 'node:crypto'

/** The one style sheet of all pages. Contrasts are those of WCAG 2.2 level AAA. */
export const style = `*{box-sizing:border-box}
body{margin:0;background:#f3f4f6;color:#1b1f24;font:1rem/1.5 system-ui,sans-serif}
main{max-width:28rem;margin:8vh auto;padding:2rem;background:#fff;border:1px solid #c8ccd2;border-radius:.5rem}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
h2{margin:0 0 .5rem;font-size:1rem;font-weight:600}
p,ul{margin:0 0 1rem}
ul{padding-left:1.25rem}
strong,code{overflow-wrap:anywhere}
label{display:block;margin:0 0 .25rem;font-weight:600}
input{width:100%;margin:0 0 1rem;padding:.625rem;border:1px solid #595f69;border-radius:.25rem;font:inherit}
button{width:100%;margin:0 0 .75rem;padding:.75rem;border:2px solid #17407f;border-radius:.25rem;background:#17407f;color:#fff;font:inherit;font-weight:600;cursor:pointer}
button.plain{background:#fff;color:#17407f}
:focus-visible{outline:3px solid #b35900;outline-offset:2px}
[role=alert]{margin:0 0 1rem;padding:.75rem 1rem;border-left:.375rem solid #8f1d14;background:#fdecea}
[role=alert] p{margin:0}
a{color:#17407f}
footer{margin:1.5rem 0 0;color:#454b54;font-size:.875rem}
@media (max-width:32rem){main{margin:0;border:0;min-height:100vh;border-radius:0}}`

/** How a content security policy names the style sheet. */
export const styleSource = `'sha256-${createHash('sha256').update(style).digest('base64')}'`
