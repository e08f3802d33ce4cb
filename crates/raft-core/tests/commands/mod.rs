//! The commands of the golden scripts.
//!
//! Nodes are numbers, positions are written `index@term`, entries `index@term` (no
//! content), `index@term=text` (a command), `index@term=kind-9/1` (of a kind and a
//! format). A command in parentheses prints nothing. One after `!` must fail.
//!
//! ```text
//! cluster nodes=3 learners=1 joining=1 pre-vote=false start=false cached-entries=1 …
//! given 1 term=2 vote=1 applied=1 1@1=a 2@2     what a disk holds before the start
//! start                                        start all that do not run
//!
//! timeout 1            go to the moment of a node's next timer, and wake it
//! wake 1               wake it now
//! elect 1              go on until nobody is loyal, wake 1, and let it win
//! advance 500          let milliseconds pass: nothing happens meanwhile
//! elapse 3000          let milliseconds pass: all timers fire, all messages arrive
//!
//! deliver 1 2 count=1  messages from 1 to 2 arrive (one, or both numbers may be left out)
//! deliver to=2
//! drop 1 2 count=1     they are lost
//! delay 1 2 as=x       they are put aside under a name (copy=true: as a copy)
//! release x            … and arrive
//! partition 1 2        1 and 2 see each other, and the rest the rest
//! cut 1 2              no messages between 1 and 2 (oneway=true: none from 1 to 2)
//! heal                 all links hold
//! stabilize            deliver until nothing is on its way
//!
//! manual 1 disk        a node's work waits for commands: disk, apply, fetch, snapshot
//! auto 1 disk          … or not any more
//! persist 1 upto=2     writes are performed and reported (report=false: performed only)
//! apply 1              a batch is applied and reported (report=false: applied only)
//! fetch 1, snapshot 1  (fail=true)
//!
//! propose 1 a b        read 1        transfer 1 2
//! change 1 add-voter=4 remove=2 leave=explicit;  change 1 leave-joint
//! change 1 set-storage=2/77                    (also add-learner, promote, demote)
//! crash 1, restart 1   what is not on the disk is lost
//! gone 2 1             at 2: the process that 1 was (the last that ended) is gone
//! unreachable 1 2      at 1: the stream to 2 broke
//! inject 1 2 term=3 append prev=1@1 commit=1 2@3=x     a message that was made up
//! inject 1 2 term=3 snapshot at=2@1                    … or a snapshot (membership as at 2)
//!
//! status, status 1, log 1, disk 1, network, clock 1 (how soon its next timer is due)
//! ```

mod args;
mod inject;
mod run;
mod show;

pub use run::Runner;
