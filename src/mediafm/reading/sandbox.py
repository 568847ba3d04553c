"""What a process that reads files of unknown origin takes away from itself before it opens one.

On Linux: it dies with its parent; it has a ceiling of memory; it can open no socket (seccomp); it can start no
program, and write, make or remove no file outside /dev (Landlock, from Linux 5.13 on; a file size limit of zero).
Elsewhere, what the system has of these. A process that has confined itself cannot undo it.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
# Landlock's rights to start a program (bit 0) and to change a file system: write a file, remove a folder or file, make
# any of seven kinds of node (bits 1, 4 to 12), link across folders (13, second version), truncate (14, third).
_START, _FS_WRITES = 1, {1: 0x1FF2, 2: 0x3FF2, 3: 0x7FF2}
_MAY_WRITE_BENEATH = "/dev"  # the null device, shared memory, graphics cards

# Per machine: the architecture's number for seccomp, and its system calls that could reach a network: socket, and
# io_uring_setup, which can do the same behind seccomp's back.
_ARCHITECTURES = {"x86_64": (0xC000003E, (41, 425)), "aarch64": (0xC00000B7, (198, 425))}
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # opcodes of the filter's machine
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_X32_CALLS = 0x40000000  # x86-64's second set of numbers for the same calls


def die_with_parent() -> None:
    """Be killed when the parent ends, however it ends. Linux only; elsewhere the closed pipe has to do."""
    if sys.platform == "linux":
        parent = os.getppid()
        _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)


def limit_memory(megabytes: int) -> None:
    """A ceiling for what this process may allocate (data, stack of threads and private maps, not the code it loads)."""
    _lower(resource.RLIMIT_DATA, megabytes << 20)
    _lower(resource.RLIMIT_CORE, 0)


def limit_processor_time(seconds: int) -> None:
    """Be killed after this many more seconds of processor time; asked anew, the count starts anew."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def forbid_network_and_writing() -> list[str]:
    """Give up sockets and the changing of files, for good. Returns what of it this system could not enforce."""
    open_ = ["files", "network"]
    _lower(resource.RLIMIT_FSIZE, 0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write that is too long then fails as any other
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        enforced = {"files": _forbid_writing(), "network": _forbid_sockets()}
        open_ = [what for what in open_ if not enforced[what]]
    return open_


def _lower(what: int, to: int) -> None:
    _, hard = resource.getrlimit(what)
    value = to if hard == resource.RLIM_INFINITY else min(to, hard)
    resource.setrlimit(what, (value, value))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _forbid_sockets() -> bool:
    known = _ARCHITECTURES.get(platform.machine())
    if known is None:
        return False
    architecture, calls = known
    # A program for the kernel: other architectures and x32 numbers are refused outright, then the calls one by one.
    program = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 0, len(calls) + 3, architecture), (_LOAD, 0, 0, 0)]
    program.append((_JUMP_AT_LEAST, len(calls) + 1, 0, _X32_CALLS))
    program += [(_JUMP_EQUAL, len(calls) - i, 0, call) for i, call in enumerate(calls)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    filter_ = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(code)))
    return bool(_libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filter_), 0, 0) == 0)


def _forbid_writing() -> bool:
    libc = _libc()
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    rights = _FS_WRITES[min(version, max(_FS_WRITES))]
    wanted = ctypes.create_string_buffer(struct.pack("<Q", rights | _START), 8)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, wanted, ctypes.c_size_t(8), 0)
    if ruleset < 0:
        return False
    try:
        beneath = os.open(_MAY_WRITE_BENEATH, os.O_PATH | os.O_CLOEXEC)
        rule = ctypes.create_string_buffer(struct.pack("<Qi", rights, beneath), 12)
        libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
        os.close(beneath)
        return bool(libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)
