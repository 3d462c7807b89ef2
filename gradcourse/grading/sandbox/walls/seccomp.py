"""seccomp: the system calls that no learner's answer needs, refused by a filter in the kernel.

A refused call fails with EPERM, as it does for a user who may not. A library that only probes
for something goes on; a filter that kills would cost honest marks.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from gradcourse.grading.sandbox.walls import system
from gradcourse.grading.sandbox.walls.system import ARM, MACHINE, X86, Unsupported

AUDIT = {X86: 0xC000003E, ARM: 0xC00000B7}

# Both columns: x86_64 and aarch64; None where the machine has no such call.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    # other programs
    "execve": (59, 221),
    "execveat": (322, 281),
    # the outside
    "socket": (41, 198),
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # views of the system
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # the kernel
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "personality": (135, 92),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "memfd_secret": (447, 447),
    # memory that belongs to nobody while it is not mapped, so no limit counts it
    "memfd_create": (319, 279),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "setsockopt": (54, 208),  # larger buffers than the watch counts for a socket
    # rules are on when the filter comes, and more of them would be memory that no limit counts
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    # clocks and names
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # memory and queues that outlive a process
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    # a session of its own is a share of its own of the processors
    "setsid": (112, 157),
    # limits and priorities of others
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
_QUIET: dict[str, tuple[int | None, int | None]] = {
    "setpriority": (141, 140),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
}
"""Nothing is done, and nothing is said: who lets all others go first would be kept waiting by them,
and what one is kept waiting does not count."""

_MARKS: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
}
"""Landlock guards what is in a file, not its owner, mode and times."""

_CLONE, _CLONE3 = {X86: 56, ARM: 220}, 435
_SOCKETPAIR, _PRLIMIT = {X86: 53, ARM: 199}, {X86: 302, ARM: 261}
_SIGACTION, _MMAP = {X86: 13, ARM: 134}, {X86: 9, ARM: 222}
_PRCTL = {X86: 157, ARM: 167}
_SIGCHLD, _MAP_SHARED, _MAP_ANONYMOUS = 17, 0x1, 0x20
_SIGNALS = {X86: (62, 200, 234, 129, 297), ARM: (129, 130, 131, 138, 240)}
"""kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo."""

_NEW_NAMESPACES = (
    system.NEW_NS | system.NEW_CGROUP | system.NEW_UTS | system.NEW_IPC
    | system.NEW_USER | system.NEW_PID | system.NEW_NET
)  # fmt: skip
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_ALLOW = 0x7FFF0000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16


def _refuse(code: int = errno.EPERM) -> bytes:
    return _step(_RETURN, 0x50000 | code)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _argument(index: int) -> bytes:
    """Load the low half of an argument; every value tested here fits into it."""
    return _step(_LOAD, _ARGUMENTS + 8 * index)


def _when(number: int, body: bytes) -> bytes:
    """Do the body for one call; it starts with the number loaded and must end in a return."""
    return _step(_EQUAL, number, 0, len(body) // 8) + body


def program(pid: int | None = None, *, marks: bool = True) -> bytes:
    """Assemble the filter.

    Parameters
    ----------
    pid : int, optional
        Only this process may be sent signals. Needed where no process namespace hides the rest.
    marks : bool
        Whether the owner, mode and times of files may be changed. Not where the files of the
        machine are in sight.

    Raises
    ------
    Unsupported
        If this machine is none of those whose calls are known.
    """
    if MACHINE not in AUDIT:
        raise Unsupported(0, f"seccomp: not known for {MACHINE}")
    column = 0 if MACHINE == X86 else 1
    allow = _step(_RETURN, _ALLOW)
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_EQUAL, AUDIT[MACHINE], 1, 0), _refuse()]
    steps.append(_step(_LOAD, _NUMBER))
    if MACHINE == X86:  # the x32 twins of all calls
        steps += [_step(_AT_LEAST, 0x40000000, 0, 1), _refuse()]
    for numbers in (*_DENIED.values(), *(() if marks else _MARKS.values())):
        number = numbers[column]
        if number is not None:
            steps.append(_when(number, _refuse()))
    for numbers in _QUIET.values():
        number = numbers[column]
        if number is not None:
            steps.append(_when(number, _refuse(0)))
    # Its flags lie in memory, where no filter can look: without it, libraries use clone.
    steps.append(_when(_CLONE3, _refuse(errno.ENOSYS)))
    flags = _argument(0) + _step(_ANY_BIT, _NEW_NAMESPACES, 0, 1) + _refuse() + allow
    steps.append(_when(_CLONE[MACHINE], flags))
    steps.append(_when(_SOCKETPAIR[MACHINE], _connected_pair(allow)))
    # Who ignores the end of its children leaves no trace of the seconds that they used.
    steps.append(_when(_SIGACTION[MACHINE], _all_but(_SIGCHLD, allow)))
    steps.append(_when(_PRCTL[MACHINE], _all_but(system.PR_SET_THP_DISABLE, allow)))
    steps.append(_when(_MMAP[MACHINE], _no_shared_memory(allow)))
    own = os.getpid() if pid is None else pid
    steps.append(_when(_PRLIMIT[MACHINE], _only((0, own), allow)))
    if pid is not None:
        for number in _SIGNALS[MACHINE]:
            steps.append(_when(number, _only((pid,), allow)))
    return b"".join([*steps, allow])


def _connected_pair(allow: bytes) -> bytes:
    """asyncio needs AF_UNIX streams; a datagram socket could write to any socket it finds."""
    unix, stream = 1, 1
    return b"".join(
        [
            _argument(0),
            _step(_EQUAL, unix, 1, 0),
            _refuse(),
            _argument(1),
            _step(_AND, 0xF),
            _step(_EQUAL, stream, 1, 0),
            _refuse(),
            allow,
        ]
    )


def _all_but(first: int, allow: bytes) -> bytes:
    """Refuse a call with this first argument."""
    return _argument(0) + _step(_EQUAL, first, 0, 1) + _refuse() + allow


def _no_shared_memory(allow: bytes) -> bytes:
    """Shared pages without a file: dropped from one process and not yet touched in another, they
    belong to none.
    """
    both = _MAP_SHARED | _MAP_ANONYMOUS
    test = _argument(3) + _step(_AND, both) + _step(_EQUAL, both, 0, 1)
    return test + _refuse(errno.ENOMEM) + allow


def _only(pids: tuple[int, ...], allow: bytes) -> bytes:
    tests = [_step(_EQUAL, pid, 0, 1) + allow for pid in pids]
    return b"".join([_argument(0), *tests, _refuse()])


def restrict(pid: int | None = None, *, marks: bool = True) -> None:
    """Put this process and its children under the filter, for good; see `program`."""
    code = program(pid, marks=marks)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]

    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    filtered = Program(len(code) // 8, code)
    system.prctl(system.PR_SET_SECCOMP, 2, ctypes.byref(filtered))


def available() -> None:
    """Check that a filter can be set.

    Raises
    ------
    Unsupported
        If not.
    """
    program()
    try:
        system.prctl(system.PR_SET_SECCOMP, 2, 0)
    except OSError as error:
        if error.errno != errno.EFAULT:  # EFAULT: it would have read the filter
            raise
