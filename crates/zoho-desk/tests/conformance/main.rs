//! The Zoho Desk client against the simulator: what every vendor client must do, and what only
//! Zoho's routes ask for.

mod partition;
mod search;
mod suite;
mod zoho;
