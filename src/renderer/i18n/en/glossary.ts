/** The field's words. `other` is the word in the other language. */
export default {
  logical: {
    name: 'logical address',
    other: '逻辑地址',
    text: 'What an instruction names: a segment and an offset in it, as DS:0x0000_5010.',
  },
  linear: { name: 'linear address', other: '线性地址', text: 'Segment base plus offset: what segmentation hands to paging.' },
  guestPhysical: {
    name: 'guest-physical address',
    other: '客户机物理地址',
    text: 'What a VM believes to be physical. Its space begins at 0, wherever its frames really are.',
  },
  hostPhysical: {
    name: 'host-physical address',
    other: '宿主机物理地址',
    text: 'The real address on the board, which the chipset decodes to a slot, a device or nobody.',
  },
  dramCell: { name: 'DRAM cell', other: 'DRAM 单元', text: 'Slot, rank, bank, row and column: where a byte really is.' },
  iova: {
    name: 'I/O virtual address',
    other: 'I/O 虚拟地址',
    text: 'What a device puts on the bus. The IOMMU translates it, if there is one and it is on.',
  },
  frame: { name: 'frame', other: '页帧', text: 'A 4 KiB piece of physical memory that begins at a multiple of 4 KiB.' },
  pfn: { name: 'frame number (PFN)', other: '物理页帧号', text: 'A physical address without its 12 offset bits.' },
  pde: { name: 'page-directory entry (PDE)', other: '页目录项', text: 'Points to a page table, or maps a 4 MiB page itself.' },
  pte: { name: 'page-table entry (PTE)', other: '页表项', text: 'Maps one 4 KiB page to a frame and says who may do what with it.' },
  ept: {
    name: 'extended page tables (EPT)',
    other: '扩展页表',
    text: "The VMM's tables from guest-physical to host-physical. The processor walks them on every guest access.",
  },
  eptViolation: {
    name: 'EPT violation',
    other: 'EPT 违例',
    text: 'A guest access that the EPT does not allow. It leaves the guest: a VM exit with a qualification.',
  },
  vmExit: { name: 'VM exit', other: 'VM 退出', text: 'The processor leaves the guest and enters the VMM, with a reason.' },
  exitQualification: {
    name: 'exit qualification',
    other: '退出限定信息',
    text: 'Details of a VM exit: which access, which permission was missing.',
  },
  vmm: { name: 'virtual machine monitor (VMM)', other: '虚拟机监控器', text: 'The hypervisor: it owns the board and runs the VMs on it.' },
  iommu: {
    name: 'IOMMU',
    other: '输入输出内存管理单元',
    text: 'Translates and checks the addresses of devices, as paging does for programs.',
  },
  domain: { name: 'domain', other: '域', text: 'Devices that share one set of IOMMU tables, usually those of one VM.' },
  requesterId: {
    name: 'requester ID',
    other: '请求者 ID',
    text: 'Bus, device and function of the device that makes a request, as 00:04.0.',
  },
  iotlb: { name: 'IOTLB', other: 'IOTLB', text: "The IOMMU's cache of translations." },
  tlb: { name: 'TLB', other: '转换后备缓冲区', text: "The processor's cache of translations. A hit reads no table." },
  dma: {
    name: 'direct memory access (DMA)',
    other: '直接内存访问',
    text: 'A device reads or writes memory by itself; the processor is not asked.',
  },
  passthrough: {
    name: 'passthrough',
    other: '设备直通',
    text: 'A device of the board that is given to one VM, registers and DMA and all.',
  },
  hiddenPart: {
    name: 'hidden part',
    other: '隐藏的段描述符寄存器',
    text: 'Base, limit and rights that a segment register keeps from the descriptor it was loaded with.',
  },
  scatterGather: { name: 'scatter-gather', other: '分散-聚合', text: 'DMA over a list of pieces instead of one contiguous buffer.' },
  guard: { name: 'check', other: '检查项', text: 'A statement about memory, faults or output that the lab judges after the run.' },
};
