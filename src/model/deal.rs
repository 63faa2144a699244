//! What the CRM says of an opportunity: claims, never proof.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A field that the CRM reports. The first thirteen and `opportunity` are the dashboard that is reviewed weekly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DealField {
    /// The SE or CE.
    CustomerEngineer,
    /// The AE.
    AccountExecutive,
    /// Sales stage; begins with a digit from 0 to 7.
    SalesStage,
    /// When the opportunity is due to close.
    OpportunityDueDate,
    /// Phase of the technical win.
    TechWinPhase,
    /// When the technical win is due.
    TechWinDueDate,
    /// What comes next.
    TechWinNextStep,
    /// Link.
    MutualActionPlanUrl,
    /// Link.
    TechnicalDesignDocumentUrl,
    /// Whether the CRM claims the technical win.
    TechWinAchieved,
    /// Whether there is a weekly check-in with the champion.
    WeeklyCheckin,
    /// Whether requirements are non-standard.
    NonStandardRequirements,
    /// Link.
    TechReviewLink,
    /// The buyer's name.
    Account,
    /// The buyer's mail domain.
    Domain,
    /// The champion as the CRM knows it: it lets nobody speak.
    Champion,
    /// Who decides the purchase.
    EconomicBuyer,
    /// Segment.
    Segment,
}

impl DealField {
    /// All of them, in the order of the dashboard.
    pub const ALL: &[Self] = &[
        Self::CustomerEngineer,
        Self::AccountExecutive,
        Self::SalesStage,
        Self::OpportunityDueDate,
        Self::TechWinPhase,
        Self::TechWinDueDate,
        Self::TechWinNextStep,
        Self::MutualActionPlanUrl,
        Self::TechnicalDesignDocumentUrl,
        Self::TechWinAchieved,
        Self::WeeklyCheckin,
        Self::NonStandardRequirements,
        Self::TechReviewLink,
        Self::Account,
        Self::Domain,
        Self::Champion,
        Self::EconomicBuyer,
        Self::Segment,
    ];

    /// Name of its column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerEngineer => "customer_engineer",
            Self::AccountExecutive => "account_executive",
            Self::SalesStage => "sales_stage",
            Self::OpportunityDueDate => "opportunity_due_date",
            Self::TechWinPhase => "tech_win_phase",
            Self::TechWinDueDate => "tech_win_due_date",
            Self::TechWinNextStep => "tech_win_next_step",
            Self::MutualActionPlanUrl => "mutual_action_plan_url",
            Self::TechnicalDesignDocumentUrl => "technical_design_document_url",
            Self::TechWinAchieved => "tech_win_achieved",
            Self::WeeklyCheckin => "weekly_checkin",
            Self::NonStandardRequirements => "non_standard_requirements",
            Self::TechReviewLink => "tech_review_link",
            Self::Account => "account",
            Self::Domain => "domain",
            Self::Champion => "champion",
            Self::EconomicBuyer => "economic_buyer",
            Self::Segment => "segment",
        }
    }
}

/// The sales stage that a CRM's text begins with: a lone digit from 0 to 7, as in "5 - Negotiation". "10 - Closed" is none.
pub fn sales_stage(text: &str) -> Option<u32> {
    let mut letters = text.trim_start().chars();
    let stage = letters.next().and_then(|c| c.to_digit(10)).filter(|stage| *stage <= SALES_STAGE_MAX);
    stage.filter(|_| !letters.next().is_some_and(char::is_numeric))
}

/// The last sales stage: closed.
const SALES_STAGE_MAX: u32 = 7;

/// How an opportunity ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// They bought.
    Won,
    /// They did not.
    Lost,
    /// We did not compete.
    OptedOut,
}

impl Ended {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            Self::OptedOut => "opted_out",
        }
    }

    /// Reads its word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Won, Self::Lost, Self::OptedOut].into_iter().find(|e| e.as_str() == text.trim())
    }
}

/// The end of an opportunity as somebody recorded it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealEnd {
    /// How.
    pub ended: Ended,
    /// When.
    pub on: Date,
    /// Of an evaluation that we declined: whether we could have competed.
    pub could_have_competed: bool,
    /// Who recorded it.
    pub by: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// Why it ended so.
    pub reason: String,
}
