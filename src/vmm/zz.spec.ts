import { it } from 'vitest';
import { setUpLab } from './vmm.spec-support';
it('fault loop in a VM', () => {
  const lab = setUpLab({ vms: [
    { id: 'a', mode: 'real', source: 'xor ax,ax\nmov ds,ax\nmov word [6*4], bad\nmov word [6*4+2],0\nmov ax,0x2000\nmov ss,ax\nbad: ud2' },
    { id: 'b', source: 'again: inc ebx\njmp again' } ] });
  const t = performance.now();
  console.log(JSON.stringify(lab.vmm.run(50_000)), lab.vm('a').state, lab.vm('a').detail, lab.vm('b').instructions, performance.now() - t);
});
